"""One database a service: SQLite by default, a PostgreSQL schema by setting one URL; the same statements for both."""
