-- The groups of three characters in each name; only where they are is kept, not how often.
CREATE VIRTUAL TABLE project_names_fts USING fts5(
  name, content='project_names', content_rowid='number',
  tokenize='trigram case_sensitive 1', detail=none, columnsize=0);

INSERT INTO project_names_fts(project_names_fts) VALUES ('rebuild');

CREATE TRIGGER project_names_no_update BEFORE UPDATE ON project_names
BEGIN SELECT RAISE(ABORT, 'project_names is append-only'); END;

CREATE TRIGGER project_names_no_delete BEFORE DELETE ON project_names
BEGIN SELECT RAISE(ABORT, 'project_names is append-only'); END;

CREATE TRIGGER project_names_no_replace BEFORE INSERT ON project_names
WHEN EXISTS (SELECT 1 FROM project_names WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'project_names is append-only'); END;
