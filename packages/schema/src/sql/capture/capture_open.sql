-- The part of attach that makes a table's capture function, with our owner's rights. `caller`, unless it is NULL, may
-- put the function on a trigger until audit_chain_capture_close.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_open(
  relation regclass, kind text, key_columns text[], columns text[], members text[], absent jsonb, changes text, mode text, row_wise boolean, blind_key boolean, salt boolean, caller text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  qualified     text;
  function_name text;
  is_partitioned boolean;
BEGIN
  PERFORM public.audit_chain_check_claim(relation, kind);
  UPDATE public.audit_chain_relation AS r SET column_numbers = public.audit_chain_numbers(r)::text, numbered_for = relation::oid
   WHERE r.relid = relation AND r.numbered_for <> relation::oid;
  SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)), c.relkind = 'p' INTO qualified, is_partitioned
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  function_name := public.audit_chain_capture_function(kind, qualified, key_columns, columns, members, absent, changes, mode, row_wise, blind_key, salt);
  -- A new partition gets the triggers of its root, and PostgreSQL asks for this right of whoever creates it.
  IF is_partitioned THEN
    EXECUTE format('GRANT EXECUTE ON FUNCTION public.%I() TO scidex_audit_deployer', function_name);
  END IF;
  IF caller IS NOT NULL THEN
    IF NOT pg_has_role(session_user, caller::name, 'MEMBER') THEN
      RAISE EXCEPTION '% is not the caller', quote_literal(caller) USING ERRCODE = 'insufficient_privilege', HINT = 'Call audit_chain_attach.';
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION public.%I() TO %I', function_name, caller);
  END IF;
  RETURN function_name;
END
$function$;
