CREATE TRIGGER log_checkpoints_no_update BEFORE UPDATE ON log_checkpoints
BEGIN SELECT RAISE(ABORT, 'log_checkpoints is append-only'); END;

CREATE TRIGGER log_checkpoints_no_delete BEFORE DELETE ON log_checkpoints
BEGIN SELECT RAISE(ABORT, 'log_checkpoints is append-only'); END;

CREATE TRIGGER log_checkpoints_no_replace BEFORE INSERT ON log_checkpoints
WHEN EXISTS (SELECT 1 FROM log_checkpoints WHERE size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'log_checkpoints is append-only'); END;

CREATE TRIGGER log_keys_no_update BEFORE UPDATE ON log_keys
BEGIN SELECT RAISE(ABORT, 'log_keys is append-only'); END;

CREATE TRIGGER log_keys_no_delete BEFORE DELETE ON log_keys
BEGIN SELECT RAISE(ABORT, 'log_keys is append-only'); END;

CREATE TRIGGER log_keys_no_replace BEFORE INSERT ON log_keys
WHEN EXISTS (SELECT 1 FROM log_keys WHERE vkey = NEW.vkey)
BEGIN SELECT RAISE(ABORT, 'log_keys is append-only'); END;

CREATE TRIGGER log_state_no_replace BEFORE INSERT ON log_state
WHEN EXISTS (SELECT 1 FROM log_state)
BEGIN SELECT RAISE(ABORT, 'the log never moves back'); END;

CREATE TRIGGER log_state_never_back BEFORE UPDATE ON log_state
WHEN NEW.size < OLD.size OR NEW.id <> OLD.id OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN SELECT RAISE(ABORT, 'the log never moves back'); END;

CREATE TRIGGER log_state_stays BEFORE DELETE ON log_state
BEGIN SELECT RAISE(ABORT, 'the log never moves back'); END;
