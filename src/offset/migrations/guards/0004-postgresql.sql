CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX project_names_name_idx ON project_names USING gin (name gin_trgm_ops);

CREATE TRIGGER project_names_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON project_names
FOR EACH STATEMENT EXECUTE FUNCTION offset_refuse_change();

ALTER TABLE project_names ENABLE ALWAYS TRIGGER project_names_append_only;
