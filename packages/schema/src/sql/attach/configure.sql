-- Records a configuration and links it: the part of attach and detach that needs the owner's rights. What is pending is
-- linked first, so that it is checked against the configuration under which it was captured. The caller holds the
-- table's lock against writers.
CREATE OR REPLACE FUNCTION public.audit_chain_configure(
  relation regclass, action text, kind text, key_columns text[], columns text[], members text[], absent jsonb,
  excluded text[], changes text, mode text, fallback text, complete boolean, record_anew boolean, blind_key boolean, salt boolean, retention text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  qualified   text;
  config_id   bigint;
  numbers     jsonb;
BEGIN
  IF (SELECT c.mode FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_configure.kind ORDER BY c.id DESC LIMIT 1) = 'stream' THEN
    PERFORM public.audit_chain_await_stream(kind);
  END IF;
  PERFORM public.audit_chain_lock_chain();
  PERFORM public.audit_chain_check_claim(relation, kind);
  PERFORM public.audit_chain_link_all();
  SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)) INTO qualified
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  SELECT coalesce(jsonb_object_agg(a.attname, a.attnum), '{}') INTO numbers
    FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = ANY (columns || excluded) AND a.attnum > 0 AND NOT a.attisdropped;
  SELECT coalesce(max(c.id), 0) + 1 INTO config_id FROM public.audit_chain_config AS c;
  INSERT INTO public.audit_chain_config
    (id, recorded_at, actor, action, kind, relation, key_columns, columns, members, absent, column_types, excluded, renamed, changes, mode, fallback, complete, record_anew, salt, blind_key, retention, present)
  VALUES (config_id, clock_timestamp(), session_user, action, kind, qualified, key_columns, columns, members, absent,
    coalesce((SELECT array_agg(public.audit_chain_type_description(a.atttypid, a.atttypmod) ORDER BY c.n)
       FROM unnest(columns) WITH ORDINALITY AS c(name, n)
       JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = c.name AND NOT a.attisdropped), '{}'),
    excluded,
    (SELECT coalesce(jsonb_object_agg(b.name, n.name), '{}')
       FROM (SELECT c.* FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_configure.kind ORDER BY c.id DESC LIMIT 1) AS before
      CROSS JOIN LATERAL unnest(before.columns, before.members) AS b(name, member)
       JOIN unnest(audit_chain_configure.columns, audit_chain_configure.members) AS n(name, member) ON n.member = b.member
      WHERE n.name <> b.name),
    changes, mode, fallback, complete, record_anew, salt, blind_key, retention,
    -- What is there is recorded by attach, which says it, and by nothing else.
    CASE action WHEN 'attach' THEN public.audit_chain_present(relation)
      ELSE coalesce((SELECT c.present FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_configure.kind ORDER BY c.id DESC LIMIT 1), '{}') END);
  IF blind_key THEN
    -- 32 bytes, of four numbers with 122 random bits each.
    INSERT INTO public.audit_chain_secret (event_kind, secret)
    SELECT kind, sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea)) FROM generate_series(1, 4)
    ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO public.audit_chain_relation AS r (kind, relid, column_numbers, numbered_for) VALUES (kind, relation, numbers::text, relation::oid)
    ON CONFLICT ON CONSTRAINT audit_chain_relation_pkey DO UPDATE SET relid = excluded.relid, column_numbers = excluded.column_numbers, numbered_for = excluded.numbered_for;
  -- The configuration's own capture has staged the row: link it now, so that it stands before whatever it covers.
  PERFORM public.audit_chain_link(pg_current_xact_id(), 10000);
  RETURN config_id;
END
$function$;
