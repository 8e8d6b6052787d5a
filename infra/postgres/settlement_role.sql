-- The role that settlement may run as on PostgreSQL: it adds to the books, and can neither change nor take out what is in
-- them, whatever its code does. `sandan migrate --logins` runs it as the schema's owner and grants the role to settlement's
-- login. By hand: after `sandan migrate`, and again after a migration that adds tables; then grant the role to a login.
DO $$ BEGIN CREATE ROLE sandan_settlement NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT USAGE ON SCHEMA settlement TO sandan_settlement;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA settlement TO sandan_settlement;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA settlement TO sandan_settlement;
-- A corrected reading takes the old one's place, which goes to superseded_reading; a row is locked by SELECT FOR UPDATE;
-- what is left in a battery is only the sum of its records; offsets say how far the log was taken in.
GRANT UPDATE ON settlement.consumed, settlement.reading, settlement.complex_lock, settlement.storage_content TO sandan_settlement;
-- What is done with goes: messages taken in and sent, invoices issued, intervals certified.
GRANT DELETE ON settlement.inbox, settlement.outbox, settlement.invoice_due, settlement.certificate_due
    TO sandan_settlement;
