CREATE TRIGGER serial_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON serial_facts
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

ALTER TABLE serial_facts ENABLE ALWAYS TRIGGER serial_facts_append_only;
