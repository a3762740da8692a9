-- What the exclusion constraints and some foreign keys refused, looked up in B-trees once for all
-- rows of a statement: a GiST index costs 10 to 17 microseconds a row, a foreign key 4 and a lock
-- on the record. Every writer has the head, or waits for it here: with READ COMMITTED, which each
-- statement sees anew, nobody's rows can be missed. (A subquery that gives one value is looked up row
-- by row; NOT EXISTS may be planned as a hash of the whole table.)

CREATE FUNCTION offset_take_head() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'claims, holdings and parts are written in READ COMMITTED'
      USING ERRCODE = 'restrict_violation';
  END IF;
  PERFORM 1 FROM ledger_head FOR UPDATE;
END $$;

CREATE FUNCTION offset_check_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM offset_take_head();
  IF EXISTS (
    SELECT 1 FROM added
    WHERE (SELECT number FROM records WHERE number = added.record_number) IS NULL
      OR (SELECT number FROM series WHERE number = added.series_number) IS NULL)
  THEN
    RAISE EXCEPTION 'a claim is of a record and a series' USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM added WHERE added.first <= (
      SELECT last FROM serial_claims
      WHERE series_number = added.series_number AND first < added.first
      ORDER BY first DESC LIMIT 1)
    OR added.last >= (
      SELECT first FROM serial_claims
      WHERE series_number = added.series_number AND first > added.first
      ORDER BY first LIMIT 1))
  THEN
    RAISE EXCEPTION 'two claims of one series overlap' USING ERRCODE = 'exclusion_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION offset_check_holdings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM offset_take_head();
  IF EXISTS (
    SELECT 1 FROM added WHERE added.from_g + added.quantity_g
      > coalesce((SELECT quantity_g FROM records WHERE number = added.record_number), 0))
  THEN
    RAISE EXCEPTION 'a holding lies inside its record' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM added WHERE added.from_g < (
      SELECT from_g + quantity_g FROM holdings
      WHERE record_number = added.record_number AND from_g < added.from_g
      ORDER BY from_g DESC LIMIT 1)
    OR added.from_g + added.quantity_g > (
      SELECT from_g FROM holdings
      WHERE record_number = added.record_number AND from_g > added.from_g
      ORDER BY from_g LIMIT 1))
  THEN
    RAISE EXCEPTION 'two holdings of one record overlap' USING ERRCODE = 'exclusion_violation';
  END IF;
  RETURN NULL;
END $$;

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
    WHERE (SELECT position FROM events WHERE position = added.position) IS NULL)
  THEN
    RAISE EXCEPTION 'a part is of an event' USING ERRCODE = 'foreign_key_violation';
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
  IF EXISTS (
    SELECT 1 FROM added JOIN event_parts AS ended
      ON ended.record_number = added.record_number
      AND ended.type IN ('RETIRED', 'CANCELLED')
      AND ended.from_g < added.from_g + added.quantity_g
      -- Ended parts are disjoint: of those that begin before, only the nearest one can overlap.
      AND ended.from_g >= coalesce((
        SELECT max(from_g) FROM event_parts
        WHERE record_number = added.record_number AND type IN ('RETIRED', 'CANCELLED')
          AND from_g <= added.from_g), 0)
      AND added.from_g < ended.from_g + ended.quantity_g
    WHERE added.type = 'SOLD'
      -- Of one statement's rows, an end may come after the sale.
      AND (ended.position < added.position OR NOT EXISTS (
        SELECT 1 FROM added AS beside
        WHERE beside.position = ended.position AND beside.from_g = ended.from_g)))
  THEN
    RAISE EXCEPTION 'an ended gram is never sold' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER serial_claims_checked AFTER INSERT ON serial_claims
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION offset_check_claims();

ALTER TABLE serial_claims ENABLE ALWAYS TRIGGER serial_claims_checked;

CREATE INDEX event_parts_ended_idx ON event_parts (record_number, from_g, position)
WHERE type IN ('RETIRED', 'CANCELLED');
