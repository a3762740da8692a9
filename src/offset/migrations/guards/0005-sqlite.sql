-- The guards of the tables that were made anew, as they were; and in the place of foreign keys,
-- that what a new row is of is there. Records, series and events are never deleted.

CREATE TRIGGER serial_claims_never_overlap BEFORE INSERT ON serial_claims
WHEN NEW.first <= (
  SELECT last FROM serial_claims
  WHERE series_number = NEW.series_number AND first <= NEW.last
  ORDER BY first DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'two claims of one series overlap'); END;

CREATE TRIGGER serial_claims_of_something BEFORE INSERT ON serial_claims
WHEN NOT EXISTS (SELECT 1 FROM records WHERE number = NEW.record_number)
  OR NOT EXISTS (SELECT 1 FROM series WHERE number = NEW.series_number)
BEGIN SELECT RAISE(ABORT, 'a claim is of a record and a series'); END;

CREATE TRIGGER serial_claims_no_update BEFORE UPDATE ON serial_claims
BEGIN SELECT RAISE(ABORT, 'a claim is replaced, not changed'); END;

CREATE INDEX event_parts_ended_idx ON event_parts (record_number, from_g)
WHERE type IN ('RETIRED', 'CANCELLED');

CREATE TRIGGER event_parts_no_update BEFORE UPDATE ON event_parts
BEGIN SELECT RAISE(ABORT, 'an event''s part never changes'); END;

CREATE TRIGGER event_parts_no_delete BEFORE DELETE ON event_parts
BEGIN SELECT RAISE(ABORT, 'an event''s part is never deleted'); END;

CREATE TRIGGER event_parts_no_replace BEFORE INSERT ON event_parts
WHEN EXISTS (
  SELECT 1 FROM event_parts
  WHERE record_number = NEW.record_number AND from_g = NEW.from_g AND position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'an event''s part is never replaced'); END;

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
WHEN NEW.from_g + NEW.quantity_g
  > coalesce((SELECT quantity_g FROM records WHERE number = NEW.record_number), 0)
BEGIN SELECT RAISE(ABORT, 'a part lies inside its record'); END;

CREATE TRIGGER event_parts_of_event BEFORE INSERT ON event_parts
WHEN NOT EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'a part is of an event and a record'); END;

CREATE TRIGGER holdings_never_overlap BEFORE INSERT ON holdings
WHEN NEW.from_g < (
  SELECT from_g + quantity_g FROM holdings
  WHERE record_number = NEW.record_number AND from_g < NEW.from_g + NEW.quantity_g
  ORDER BY from_g DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'two holdings of one record overlap'); END;

CREATE TRIGGER holdings_inside_record BEFORE INSERT ON holdings
WHEN NEW.from_g + NEW.quantity_g
  > coalesce((SELECT quantity_g FROM records WHERE number = NEW.record_number), 0)
BEGIN SELECT RAISE(ABORT, 'a holding lies inside its record'); END;

CREATE TRIGGER holdings_no_update BEFORE UPDATE ON holdings
BEGIN SELECT RAISE(ABORT, 'a holding is replaced, not changed'); END;
