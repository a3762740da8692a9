-- That the record of a new row is there is looked up once for all rows of a statement: a foreign
-- key looks row by row, and locks the record each time. Records, series and events are never
-- deleted, so what is there stays there.

CREATE OR REPLACE FUNCTION offset_check_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added
      LEFT JOIN records ON records.number = added.record_number
      LEFT JOIN events ON events.position = added.position
    WHERE records.number IS NULL OR events.position IS NULL)
  THEN
    RAISE EXCEPTION 'a part is of an event and a record' USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM added JOIN records ON records.number = added.record_number
    WHERE added.from_g + added.quantity_g > records.quantity_g)
  THEN
    RAISE EXCEPTION 'a part lies inside its record' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM added JOIN event_parts AS ended
      ON ended.record_number = added.record_number
      AND int8range(ended.from_g, ended.from_g + ended.quantity_g)
        && int8range(added.from_g, added.from_g + added.quantity_g)
    WHERE added.type = 'SOLD' AND ended.type IN ('RETIRED', 'CANCELLED')
      -- Of one statement's rows, an end may come after the sale.
      AND (ended.position < added.position OR NOT EXISTS (
        SELECT 1 FROM added AS beside
        WHERE beside.position = ended.position AND beside.from_g = ended.from_g)))
  THEN
    RAISE EXCEPTION 'an ended gram is never sold' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION offset_check_holdings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added LEFT JOIN records ON records.number = added.record_number
    WHERE records.number IS NULL)
  THEN
    RAISE EXCEPTION 'a holding is of a record' USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM added JOIN records ON records.number = added.record_number
    WHERE added.from_g + added.quantity_g > records.quantity_g)
  THEN
    RAISE EXCEPTION 'a holding lies inside its record' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION offset_check_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added
      LEFT JOIN records ON records.number = added.record_number
      LEFT JOIN series ON series.number = added.series_number
    WHERE records.number IS NULL OR series.number IS NULL)
  THEN
    RAISE EXCEPTION 'a claim is of a record and a series' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER serial_claims_checked AFTER INSERT ON serial_claims
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION offset_check_claims();

ALTER TABLE serial_claims ENABLE ALWAYS TRIGGER serial_claims_checked;
