-- What PostgreSQL itself refuses, also to the database's owner. Statement triggers read all new
-- rows at once, so that a COPY of thousands pays for one check.

CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE serial_claims ADD CONSTRAINT serial_claims_never_overlap
EXCLUDE USING gist (series_number WITH =, int8range(first, last, '[]') WITH &&);

ALTER TABLE event_parts ADD CONSTRAINT event_parts_end_once
EXCLUDE USING gist (record_number WITH =, int8range(from_g, from_g + quantity_g) WITH &&)
WHERE (type IN ('RETIRED', 'CANCELLED'));

ALTER TABLE holdings ADD CONSTRAINT holdings_never_overlap
EXCLUDE USING gist (record_number WITH =, int8range(from_g, from_g + quantity_g) WITH &&);

-- The planner's statistics would be a copy of the details that no erasure reaches.
ALTER TABLE details ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE details ALTER COLUMN salt SET STATISTICS 0;

CREATE FUNCTION offset_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is append-only', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION offset_check_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.position < OLD.position OR NEW.at_us < OLD.at_us OR NEW.id <> OLD.id THEN
    RAISE EXCEPTION 'the head never moves back' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION offset_check_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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

CREATE FUNCTION offset_check_holdings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM added JOIN records ON records.number = added.record_number
    WHERE added.from_g + added.quantity_g > records.quantity_g)
  THEN
    RAISE EXCEPTION 'a holding lies inside its record' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION offset_check_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.position <> OLD.position OR NEW.content IS NOT NULL OR NEW.salt IS NOT NULL THEN
    RAISE EXCEPTION 'details are erased, not changed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON records
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER event_parts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_parts
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER ledger_origin_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_origin
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER ledger_head_stays BEFORE DELETE OR TRUNCATE ON ledger_head
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER details_stay BEFORE DELETE OR TRUNCATE ON details
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER serial_claims_no_update BEFORE UPDATE ON serial_claims
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER holdings_no_update BEFORE UPDATE ON holdings
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();
CREATE TRIGGER ledger_head_never_back BEFORE UPDATE ON ledger_head
FOR EACH ROW EXECUTE FUNCTION offset_check_head();
CREATE TRIGGER details_only_erased BEFORE UPDATE ON details
FOR EACH ROW EXECUTE FUNCTION offset_check_erasure();
CREATE TRIGGER event_parts_checked AFTER INSERT ON event_parts
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION offset_check_parts();
CREATE TRIGGER holdings_checked AFTER INSERT ON holdings
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION offset_check_holdings();

ALTER TABLE records ENABLE ALWAYS TRIGGER records_append_only;
ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only;
ALTER TABLE event_parts ENABLE ALWAYS TRIGGER event_parts_append_only;
ALTER TABLE event_parts ENABLE ALWAYS TRIGGER event_parts_checked;
ALTER TABLE ledger_origin ENABLE ALWAYS TRIGGER ledger_origin_append_only;
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER ledger_head_stays;
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER ledger_head_never_back;
ALTER TABLE details ENABLE ALWAYS TRIGGER details_stay;
ALTER TABLE details ENABLE ALWAYS TRIGGER details_only_erased;
ALTER TABLE serial_claims ENABLE ALWAYS TRIGGER serial_claims_no_update;
ALTER TABLE holdings ENABLE ALWAYS TRIGGER holdings_no_update;
ALTER TABLE holdings ENABLE ALWAYS TRIGGER holdings_checked;
