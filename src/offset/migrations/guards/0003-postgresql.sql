CREATE FUNCTION offset_check_log_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size < OLD.size OR NEW.id <> OLD.id OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
    RAISE EXCEPTION 'the log never moves back' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER log_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

CREATE TRIGGER log_keys_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_keys
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

CREATE TRIGGER log_state_stays BEFORE DELETE OR TRUNCATE ON log_state
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

CREATE TRIGGER log_state_never_back BEFORE UPDATE ON log_state
FOR EACH ROW EXECUTE FUNCTION offset_check_log_state();

ALTER TABLE log_checkpoints ENABLE ALWAYS TRIGGER log_checkpoints_append_only;

ALTER TABLE log_keys ENABLE ALWAYS TRIGGER log_keys_append_only;

ALTER TABLE log_state ENABLE ALWAYS TRIGGER log_state_stays;

ALTER TABLE log_state ENABLE ALWAYS TRIGGER log_state_never_back;
