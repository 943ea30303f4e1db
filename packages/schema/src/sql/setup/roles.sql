-- The roles of the audit chain. None can log in: grant them to logins. Roles belong to the whole server, so another
-- database's set-up may create them at the same moment: the runner repeats the migration when that happens.
DO $roles$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['scidex_audit_owner', 'scidex_audit_writer', 'scidex_audit_publisher',
                                   'scidex_audit_ro', 'scidex_audit_inspector', 'scidex_audit_deployer', 'scidex_audit_retention', 'scidex_audit_capture', 'scidex_audit_alert'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
  END LOOP;
END
$roles$;
