"""The market's rules: who may be in a book, when a book is complete, and what its auction gives."""
