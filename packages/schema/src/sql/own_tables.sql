-- Guards and capture of our own tables, owners and rights. Everything belongs to a role that nobody can become.
INSERT INTO public.audit_chain_lock DEFAULT VALUES;
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain_config FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audit_chain_commit AFTER INSERT ON public.audit_chain_ticket DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_chain_commit();
--> statement-breakpoint
SELECT public.audit_chain_capture_function('audit_chain_config', 'public.audit_chain_config', ARRAY['id'],
  public.audit_chain_covered_columns('public.audit_chain_config', '{}'), 'refuse', 'strict', false, NULL);
--> statement-breakpoint
DO $capture$
BEGIN
  EXECUTE format('CREATE TRIGGER audit_chain_capture AFTER INSERT ON public.audit_chain_config REFERENCING NEW TABLE AS audit_chain_new FOR EACH STATEMENT EXECUTE FUNCTION public.%I()',
    public.audit_chain_capture_name('audit_chain_config'));
END
$capture$;
--> statement-breakpoint
DO $rights$
DECLARE
  item text;
BEGIN
  FOR item IN SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname, 'audit_chain') LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO scidex_audit_owner', item);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', item);
  END LOOP;
  FOR item IN SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND starts_with(c.relname, 'audit_chain') AND c.relkind = 'r' LOOP
    EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', item);
    EXECUTE format('ALTER TABLE %s OWNER TO scidex_audit_owner', item);
  END LOOP;
END
$rights$;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain TO scidex_audit_ro, scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_pending, public.audit_chain_config, public.audit_chain_migrations TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_append(text, text, bytea), public.audit_chain_append_many(text[], text[], bytea[]), public.audit_chain_enqueue(text, text, bytea) TO scidex_audit_writer;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_seal(integer) TO scidex_audit_publisher;
--> statement-breakpoint
GRANT INSERT ON public.senate_alerts TO scidex_audit_alert;
--> statement-breakpoint
DO $sequence$
BEGIN
  EXECUTE format('GRANT USAGE ON SEQUENCE %s TO scidex_audit_alert', pg_get_serial_sequence('public.senate_alerts', 'id'));
END
$sequence$;
