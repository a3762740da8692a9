-- A part is of its event's record and type, and no word that the rules compare is free text.

CREATE OR REPLACE FUNCTION offset_check_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM offset_take_head();
  IF EXISTS (
    SELECT 1 FROM added WHERE added.from_g + added.quantity_g
      > coalesce((SELECT quantity_g FROM records WHERE number = added.record_number), 0))
  THEN
    RAISE EXCEPTION 'a part lies inside its record' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM added
    WHERE (SELECT (record_number, type) FROM events WHERE position = added.position)
      IS DISTINCT FROM (added.record_number, added.type))
  THEN
    RAISE EXCEPTION 'a part is of an event of its record and type'
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  -- Ended parts of one statement may begin at one gram: they are told apart by their positions.
  IF EXISTS (
    SELECT 1 FROM added WHERE added.type IN ('RETIRED', 'CANCELLED') AND (added.from_g < (
      SELECT from_g + quantity_g FROM event_parts
      WHERE record_number = added.record_number AND type IN ('RETIRED', 'CANCELLED')
        AND (from_g, position) < (added.from_g, added.position)
      ORDER BY from_g DESC, position DESC LIMIT 1)
    OR added.from_g + added.quantity_g > (
      SELECT from_g FROM event_parts
      WHERE record_number = added.record_number AND type IN ('RETIRED', 'CANCELLED')
        AND (from_g, position) > (added.from_g, added.position)
      ORDER BY from_g, position LIMIT 1)))
  THEN
    RAISE EXCEPTION 'a gram ends once' USING ERRCODE = 'exclusion_violation';
  END IF;
  -- A join could be planned as a loop over all rows of `added` for each ended part, and a plan is
  -- kept: a subquery that gives one value is looked up row by row, NOT IN in a hash table.
  IF EXISTS (
    SELECT 1 FROM added WHERE added.type = 'SOLD' AND (
      SELECT true FROM event_parts AS ended
      WHERE ended.record_number = added.record_number
        AND ended.type IN ('RETIRED', 'CANCELLED')
        AND ended.from_g < added.from_g + added.quantity_g
        -- Ended parts are disjoint: of those that begin before, only the nearest one can overlap.
        AND ended.from_g >= coalesce((
          SELECT max(from_g) FROM event_parts
          WHERE record_number = added.record_number AND type IN ('RETIRED', 'CANCELLED')
            AND from_g <= added.from_g), 0)
        AND added.from_g < ended.from_g + ended.quantity_g
        -- Of one statement's rows, an end may come after the sale.
        AND (ended.position < added.position OR (ended.position, ended.from_g) NOT IN (
          SELECT position, from_g FROM added))
      LIMIT 1) IS NOT NULL)
  THEN
    RAISE EXCEPTION 'an ended gram is never sold' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

ALTER TABLE event_parts ADD CONSTRAINT event_parts_type_check
CHECK (type IN ('SOLD', 'RETIRED', 'CANCELLED'));

ALTER TABLE events ADD CONSTRAINT events_type_check
CHECK (type IN ('CREATED', 'SOLD', 'RETIRED', 'CANCELLED', 'ERASED'));

ALTER TABLE record_state ADD CONSTRAINT record_state_status_check
CHECK (status IN ('CREATED', 'SOLD', 'RETIRED', 'CANCELLED'));

ALTER TABLE imports ADD CONSTRAINT imports_status_check
CHECK (status IN ('queued', 'running', 'done', 'failed', 'interrupted'));

CREATE FUNCTION offset_refuse_older_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the events of a record only grow' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER record_state_only_grows BEFORE UPDATE ON record_state
FOR EACH ROW WHEN (NEW.record_number <> OLD.record_number OR NEW.seq < OLD.seq)
EXECUTE FUNCTION offset_refuse_older_state();

ALTER TABLE record_state ENABLE ALWAYS TRIGGER record_state_only_grows;

CREATE TRIGGER serial_claims_no_delete BEFORE DELETE OR TRUNCATE ON serial_claims
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

ALTER TABLE serial_claims ENABLE ALWAYS TRIGGER serial_claims_no_delete;

CREATE TRIGGER series_no_delete BEFORE UPDATE OR DELETE OR TRUNCATE ON series
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

ALTER TABLE series ENABLE ALWAYS TRIGGER series_no_delete;

CREATE TRIGGER record_state_no_delete BEFORE DELETE OR TRUNCATE ON record_state
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

ALTER TABLE record_state ENABLE ALWAYS TRIGGER record_state_no_delete;

CREATE TRIGGER idempotency_keys_no_delete BEFORE UPDATE OR DELETE OR TRUNCATE ON idempotency_keys
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

ALTER TABLE idempotency_keys ENABLE ALWAYS TRIGGER idempotency_keys_no_delete;
