-- SQLite plans a trigger without statistics and took the primary key for the nearest ended part:
-- it read all earlier parts of the record, sold ones too. The index is named, so it cannot.

DROP TRIGGER event_parts_end_once

CREATE TRIGGER event_parts_end_once BEFORE INSERT ON event_parts
WHEN NEW.type IN ('RETIRED', 'CANCELLED') AND NEW.from_g < (
  SELECT from_g + quantity_g FROM event_parts INDEXED BY event_parts_ended_idx
  WHERE record_number = NEW.record_number AND type IN ('RETIRED', 'CANCELLED')
    AND from_g < NEW.from_g + NEW.quantity_g
  ORDER BY from_g DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'a gram ends once'); END;

DROP TRIGGER event_parts_sold_before_ended

CREATE TRIGGER event_parts_sold_before_ended BEFORE INSERT ON event_parts
WHEN NEW.type = 'SOLD' AND NEW.from_g < (
  SELECT from_g + quantity_g FROM event_parts INDEXED BY event_parts_ended_idx
  WHERE record_number = NEW.record_number AND type IN ('RETIRED', 'CANCELLED')
    AND from_g < NEW.from_g + NEW.quantity_g
  ORDER BY from_g DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'an ended gram is never sold'); END;

DROP TRIGGER event_parts_of_event

CREATE TRIGGER event_parts_of_event BEFORE INSERT ON event_parts
WHEN NEW.type NOT IN ('SOLD', 'RETIRED', 'CANCELLED') OR NOT EXISTS (
  SELECT 1 FROM events
  WHERE position = NEW.position AND record_number = NEW.record_number AND type = NEW.type)
BEGIN SELECT RAISE(ABORT, 'a part is of an event of its record and type'); END;

CREATE TRIGGER events_known_type BEFORE INSERT ON events
WHEN NEW.type NOT IN ('CREATED', 'SOLD', 'RETIRED', 'CANCELLED', 'ERASED')
BEGIN SELECT RAISE(ABORT, 'an event has a known type'); END;

CREATE TRIGGER record_state_known_status BEFORE INSERT ON record_state
WHEN NEW.status NOT IN ('CREATED', 'SOLD', 'RETIRED', 'CANCELLED')
  OR NEW.seq < (SELECT seq FROM record_state WHERE record_number = NEW.record_number)
BEGIN SELECT RAISE(ABORT, 'a record has a known status, and its events only grow'); END;

CREATE TRIGGER record_state_keeps_known_status BEFORE UPDATE ON record_state
WHEN NEW.status NOT IN ('CREATED', 'SOLD', 'RETIRED', 'CANCELLED')
  OR NEW.record_number <> OLD.record_number OR NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'a record has a known status, and its events only grow'); END;

CREATE TRIGGER record_state_no_delete BEFORE DELETE ON record_state
BEGIN SELECT RAISE(ABORT, 'a record''s state is never deleted'); END;

CREATE TRIGGER serial_claims_no_delete BEFORE DELETE ON serial_claims
BEGIN SELECT RAISE(ABORT, 'a claim is never deleted'); END;

CREATE TRIGGER series_no_update BEFORE UPDATE ON series
BEGIN SELECT RAISE(ABORT, 'a series never changes'); END;

CREATE TRIGGER series_no_delete BEFORE DELETE ON series
BEGIN SELECT RAISE(ABORT, 'a series is never deleted'); END;

CREATE TRIGGER series_no_replace BEFORE INSERT ON series
WHEN EXISTS (SELECT 1 FROM series WHERE number = NEW.number)
  OR EXISTS (SELECT 1 FROM series WHERE registry = NEW.registry AND series = NEW.series)
BEGIN SELECT RAISE(ABORT, 'a series is never replaced'); END;

CREATE TRIGGER idempotency_keys_no_update BEFORE UPDATE ON idempotency_keys
BEGIN SELECT RAISE(ABORT, 'an answer to a key never changes'); END;

CREATE TRIGGER idempotency_keys_no_delete BEFORE DELETE ON idempotency_keys
BEGIN SELECT RAISE(ABORT, 'an answer to a key is never deleted'); END;

CREATE TRIGGER idempotency_keys_no_replace BEFORE INSERT ON idempotency_keys
WHEN EXISTS (SELECT 1 FROM idempotency_keys WHERE key = NEW.key AND caller = NEW.caller)
BEGIN SELECT RAISE(ABORT, 'an answer to a key is never replaced'); END;

CREATE TRIGGER imports_known_status BEFORE INSERT ON imports
WHEN NEW.status NOT IN ('queued', 'running', 'done', 'failed', 'interrupted')
BEGIN SELECT RAISE(ABORT, 'an import has a known status'); END;

CREATE TRIGGER imports_keep_known_status BEFORE UPDATE OF status ON imports
WHEN NEW.status NOT IN ('queued', 'running', 'done', 'failed', 'interrupted')
BEGIN SELECT RAISE(ABORT, 'an import has a known status'); END;
