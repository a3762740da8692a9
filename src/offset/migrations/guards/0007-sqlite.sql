CREATE TRIGGER serial_facts_no_update BEFORE UPDATE ON serial_facts
BEGIN SELECT RAISE(ABORT, 'a fact of an issuance never changes'); END;

CREATE TRIGGER serial_facts_no_delete BEFORE DELETE ON serial_facts
BEGIN SELECT RAISE(ABORT, 'a fact of an issuance is never deleted'); END;

CREATE TRIGGER serial_facts_no_replace BEFORE INSERT ON serial_facts
WHEN EXISTS (
  SELECT 1 FROM serial_facts WHERE registry = NEW.registry AND subject = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'a fact of an issuance is never replaced'); END;
