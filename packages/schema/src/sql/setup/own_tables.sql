-- Guards and capture of our own tables, owners and rights. Everything belongs to a role that nobody can become.
INSERT INTO public.audit_chain_lock DEFAULT VALUES;
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain_config FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain_secret FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audit_chain_commit AFTER INSERT OR DELETE ON public.audit_chain_ticket DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_chain_commit();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audit_chain_leaving_end AFTER INSERT ON public.audit_chain_leaving DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_chain_leaving_end();
--> statement-breakpoint
-- What a replica has captured (a trigger of its own that is ENABLE ALWAYS) is linked there too.
ALTER TABLE public.audit_chain_ticket ENABLE ALWAYS TRIGGER audit_chain_commit;
--> statement-breakpoint
SELECT public.audit_chain_capture_function('audit_chain_config'::text, 'public.audit_chain_config'::text, ARRAY['id'::text],
  public.audit_chain_covered_columns('public.audit_chain_config'::regclass, '{}'::text[]), public.audit_chain_covered_columns('public.audit_chain_config'::regclass, '{}'::text[]), '{}'::jsonb, 'refuse'::text, 'strict'::text, false, false, false);
--> statement-breakpoint
DO $capture$
BEGIN
  EXECUTE format('CREATE TRIGGER audit_chain_capture AFTER INSERT ON public.audit_chain_config REFERENCING NEW TABLE AS audit_chain_new FOR EACH STATEMENT EXECUTE FUNCTION public.%I()',
    public.audit_chain_capture_name('audit_chain_config'::text));
END
$capture$;
--> statement-breakpoint
DO $rights$
DECLARE
  item record;
  who  record;
BEGIN
  -- Whatever the installer's default privileges have granted is taken back, from roles and from PUBLIC.
  FOR item IN
    SELECT 'FUNCTION' AS type, p.oid::regprocedure::text AS name, p.proowner AS owner
      FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname::text, 'audit_chain')
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner
      FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND starts_with(c.relname::text, 'audit_chain') AND c.relkind IN ('r', 'S')
     ORDER BY 1 DESC
  LOOP
    IF item.owner NOT IN (SELECT r.oid FROM pg_roles AS r WHERE r.rolname IN (current_user, 'scidex_audit_owner')) THEN
      RAISE EXCEPTION '% % belongs to %, not to the audit chain', lower(item.type), item.name, item.owner::regrole
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Someone made it in advance. Find out why, drop it, and run the set-up again.';
    END IF;
    -- A sequence goes with its table.
    IF item.type <> 'SEQUENCE' THEN
      EXECUTE format('ALTER %s %s OWNER TO scidex_audit_owner', item.type, item.name);
    END IF;
    EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC', item.type, item.name);
  END LOOP;
  FOR who IN
    SELECT DISTINCT 'FUNCTION' AS type, p.oid::regprocedure::text AS name, a.grantee::regrole::text AS grantee
      FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
     WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname::text, 'audit_chain') AND a.grantee NOT IN (0, p.proowner)
    UNION
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, a.grantee::regrole::text
      FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
     WHERE c.relnamespace = 'public'::regnamespace AND starts_with(c.relname::text, 'audit_chain') AND c.relkind IN ('r', 'S') AND a.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('REVOKE ALL ON %s %s FROM %s CASCADE', who.type, who.name, who.grantee);
  END LOOP;
END
$rights$;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain TO scidex_audit_ro, scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_pending, public.audit_chain_config, public.audit_chain_secret, public.audit_chain_salt, public.audit_chain_migrations TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
-- What steers linking has to be verified too: a ticket that was made in advance keeps a transaction from being linked.
GRANT SELECT ON public.audit_chain_relation, public.audit_chain_ticket, public.audit_chain_leaving, public.audit_chain_lock TO scidex_audit_inspector;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_append(text, text, bytea), public.audit_chain_append_many(text[], text[], bytea[]), public.audit_chain_enqueue(text, text, bytea) TO scidex_audit_writer;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_blind_key(bytea, text) TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_salted(text, text, text), public.audit_chain_seal(integer), public.audit_chain_record(text, text[], bytea[], bytea[], bigint), public.audit_chain_statement(bytea) TO scidex_audit_publisher;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_position TO scidex_audit_publisher, scidex_audit_inspector, scidex_audit_capture;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_config, public.audit_chain_relation TO scidex_audit_capture;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_follow(bigint, text, text[], pg_lsn, text), public.audit_chain_stream(bigint, pg_lsn, pg_lsn, integer, text[], text[], bytea[], bytea[], text[]) TO scidex_audit_capture;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_retire(regclass, interval, integer, tid), public.audit_chain_may_retire(regclass, interval, text[], bytea[]), public.audit_chain_leaving_rows(regclass, integer, tid), public.audit_chain_leaving_source(regclass) TO scidex_audit_retention;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_row_hash(regclass, text, text), public.audit_chain_forget(regclass, text), public.audit_chain_forget_salt(regclass, text) TO scidex_audit_retention;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_erase(regclass, text), public.audit_chain_may_erase(regclass, text, bytea), public.audit_chain_erasing_row(regclass, text), public.audit_chain_erasing_source(regclass, text), public.audit_chain_erased(regclass, text), public.audit_chain_hand_over(text) TO scidex_audit_retention;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_restore(regclass, text, json), public.audit_chain_whole(regclass), public.audit_chain_may_restore(regclass, text, bytea, json), public.audit_chain_restored(regclass, text, bytea, bytea) TO scidex_audit_retention;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_handed TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
-- A senate_alerts of the platform's own may have another key, or belong to someone who has to grant this himself: the
-- set-up goes on, and says so.
DO $alerts$
DECLARE
  sequence text;
BEGIN
  GRANT INSERT ON public.senate_alerts TO scidex_audit_alert;
  SELECT d.objid::regclass::text INTO sequence
    FROM pg_attribute AS a JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    JOIN pg_class AS s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
   WHERE a.attrelid = 'public.senate_alerts'::regclass AND a.attname = 'id' AND d.deptype = 'a';
  IF sequence IS NOT NULL THEN
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO scidex_audit_alert', sequence);
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$alerts$;
--> statement-breakpoint
-- The verifier has each of its plans sent to it, and the server's own log gets them too, unless the session may say
-- otherwise. Since PostgreSQL 15; only a superuser can grant it.
DO $quiet$
BEGIN
  IF current_setting('server_version_num')::integer >= 150000 THEN
    EXECUTE 'GRANT SET ON PARAMETER log_min_messages TO scidex_audit_ro, scidex_audit_inspector, scidex_audit_publisher';
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$quiet$;
