-- What a row has to be by the chain: its newest event that is no change past the guard.
CREATE OR REPLACE FUNCTION public.audit_chain_standing(
  kind text, pk text, OUT role text, OUT payload_hash bytea, OUT changed_at timestamptz, OUT seq bigint, OUT before_hash bytea)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT n.role, n.payload_hash, n.changed_at, n.seq, n.before_hash
    FROM public.audit_chain_newest(kind, pk, public.audit_chain_keyed_since(kind), public.audit_chain_refused_since(kind)) AS n
$function$;
