-- What SQLite itself refuses, also to someone who writes SQL around the rules.
-- INSERT OR REPLACE deletes without firing delete triggers unless recursive_triggers is on, so
-- every append-only table also refuses an INSERT whose key is there.

CREATE TRIGGER records_no_update BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'a record never changes'); END;
CREATE TRIGGER records_no_delete BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END;
CREATE TRIGGER records_no_replace BEFORE INSERT ON records
WHEN EXISTS (SELECT 1 FROM records WHERE number = NEW.number)
  OR EXISTS (SELECT 1 FROM records WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a record is never replaced'); END;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;
CREATE TRIGGER events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
  OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM events WHERE record_number = NEW.record_number AND seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'an event is never replaced'); END;

CREATE TRIGGER event_parts_no_update BEFORE UPDATE ON event_parts
BEGIN SELECT RAISE(ABORT, 'an event''s part never changes'); END;
CREATE TRIGGER event_parts_no_delete BEFORE DELETE ON event_parts
BEGIN SELECT RAISE(ABORT, 'an event''s part is never deleted'); END;
CREATE TRIGGER event_parts_no_replace BEFORE INSERT ON event_parts
WHEN EXISTS (SELECT 1 FROM event_parts WHERE position = NEW.position AND from_g = NEW.from_g)
BEGIN SELECT RAISE(ABORT, 'an event''s part is never replaced'); END;

CREATE TRIGGER ledger_origin_no_update BEFORE UPDATE ON ledger_origin
BEGIN SELECT RAISE(ABORT, 'the origin never changes'); END;
CREATE TRIGGER ledger_origin_no_delete BEFORE DELETE ON ledger_origin
BEGIN SELECT RAISE(ABORT, 'the origin is never deleted'); END;
CREATE TRIGGER ledger_origin_no_replace BEFORE INSERT ON ledger_origin
WHEN EXISTS (SELECT 1 FROM ledger_origin)
BEGIN SELECT RAISE(ABORT, 'the origin is never replaced'); END;

CREATE TRIGGER ledger_head_never_back BEFORE UPDATE ON ledger_head
WHEN NEW.position < OLD.position OR NEW.at_us < OLD.at_us OR NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'the head never moves back'); END;
CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head
BEGIN SELECT RAISE(ABORT, 'the head is never deleted'); END;
CREATE TRIGGER ledger_head_no_replace BEFORE INSERT ON ledger_head
WHEN EXISTS (SELECT 1 FROM ledger_head)
BEGIN SELECT RAISE(ABORT, 'the head is never replaced'); END;

-- Claims of one series are disjoint, so only the nearest one below the new end can overlap it.
CREATE TRIGGER serial_claims_never_overlap BEFORE INSERT ON serial_claims
WHEN NEW.first <= (
  SELECT last FROM serial_claims
  WHERE series_number = NEW.series_number AND first <= NEW.last
  ORDER BY first DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'two claims of one series overlap'); END;
CREATE TRIGGER serial_claims_no_update BEFORE UPDATE ON serial_claims
BEGIN SELECT RAISE(ABORT, 'a claim is replaced, not changed'); END;

CREATE INDEX event_parts_ended_idx ON event_parts (record_number, from_g)
WHERE type IN ('RETIRED', 'CANCELLED');

CREATE TRIGGER event_parts_end_once BEFORE INSERT ON event_parts
WHEN NEW.type IN ('RETIRED', 'CANCELLED') AND NEW.from_g < (
  SELECT from_g + quantity_g FROM event_parts
  WHERE record_number = NEW.record_number AND type IN ('RETIRED', 'CANCELLED')
    AND from_g < NEW.from_g + NEW.quantity_g
  ORDER BY from_g DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'a gram ends once'); END;
CREATE TRIGGER event_parts_sold_before_ended BEFORE INSERT ON event_parts
WHEN NEW.type = 'SOLD' AND NEW.from_g < (
  SELECT from_g + quantity_g FROM event_parts
  WHERE record_number = NEW.record_number AND type IN ('RETIRED', 'CANCELLED')
    AND from_g < NEW.from_g + NEW.quantity_g
  ORDER BY from_g DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'an ended gram is never sold'); END;
CREATE TRIGGER event_parts_inside_record BEFORE INSERT ON event_parts
WHEN NEW.from_g + NEW.quantity_g > (SELECT quantity_g FROM records WHERE number = NEW.record_number)
BEGIN SELECT RAISE(ABORT, 'a part lies inside its record'); END;

CREATE TRIGGER holdings_never_overlap BEFORE INSERT ON holdings
WHEN NEW.from_g < (
  SELECT from_g + quantity_g FROM holdings
  WHERE record_number = NEW.record_number AND from_g < NEW.from_g + NEW.quantity_g
  ORDER BY from_g DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'two holdings of one record overlap'); END;
CREATE TRIGGER holdings_inside_record BEFORE INSERT ON holdings
WHEN NEW.from_g + NEW.quantity_g > (SELECT quantity_g FROM records WHERE number = NEW.record_number)
BEGIN SELECT RAISE(ABORT, 'a holding lies inside its record'); END;
CREATE TRIGGER holdings_no_update BEFORE UPDATE ON holdings
BEGIN SELECT RAISE(ABORT, 'a holding is replaced, not changed'); END;

CREATE TRIGGER details_only_erased BEFORE UPDATE ON details
WHEN NEW.position <> OLD.position OR NEW.content IS NOT NULL OR NEW.salt IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'details are erased, not changed'); END;
CREATE TRIGGER details_no_delete BEFORE DELETE ON details
BEGIN SELECT RAISE(ABORT, 'details are erased, not deleted'); END;
CREATE TRIGGER details_no_replace BEFORE INSERT ON details
WHEN EXISTS (SELECT 1 FROM details WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'details are erased, not replaced'); END;
