-- Chains rows that were in a table before it was attached: the backfill's door. `pks` and `payload_hashes` come from the
-- table itself, in the order given; keys as events have them, so blinded ones where the table's are. Rows that are chained already are passed over. Returns how many were added.
CREATE OR REPLACE FUNCTION public.audit_chain_adopt(kind text, pks text[], payload_hashes bytea[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
-- With a plan for each call, the arrays would be constants, and reading them by number takes as long as they are.
SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config     public.audit_chain_config;
  kinds      text[];
  new_pks    text[];
  new_hashes bytea[];
  new_roles  text[];
  size       bigint;
  since      bigint := public.audit_chain_keyed_since(kind);
BEGIN
  config := public.audit_chain_in_force(kind);
  IF config.id IS NULL OR config.action = 'detach' THEN
    RAISE EXCEPTION 'no table is attached under the kind %', quote_literal(kind) USING ERRCODE = 'AC002', HINT = 'Attach the table first.';
  ELSIF config.complete THEN
    RAISE EXCEPTION '% is complete: a row of it that is not chained was inserted past its trigger', config.relation
      USING ERRCODE = 'AC002', HINT = 'Find out where it comes from. To chain it all the same, use audit-backfill --readmit, which is recorded.';
  END IF;
  IF since > 0 AND NOT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.seq > since AND c.event_kind = 'audit_chain_statement')
     AND EXISTS (SELECT FROM public.audit_chain AS c WHERE c.seq < since AND c.event_kind IN (kind, concat(kind, ':record'))) THEN
    RAISE EXCEPTION 'the key of % was changed, and its rows are not recorded anew yet: which of them are not chained cannot be told', config.relation
      USING ERRCODE = 'AC002', HINT = 'Run audit-publisher publish first, which records them anew.';
  END IF;
  PERFORM public.audit_chain_check_claim(r.relid, r.kind) FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_adopt.kind;
  IF config.blind_key AND EXISTS (SELECT FROM unnest(pks) AS k WHERE k !~ '^[0-9a-f]{64}$') THEN
    RAISE EXCEPTION 'the keys of % are blinded, and one of those given is not', config.relation
      USING ERRCODE = 'AC005', HINT = 'Run audit-chain backfill, which blinds them.';
  END IF;
  kinds := array_fill(kind, ARRAY[cardinality(pks)]);
  PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
  PERFORM public.audit_chain_lock_chain();
  IF since = 0 AND config.changes = 'refuse' AND array_dims(pks) = array_dims(kinds) AND array_dims(payload_hashes) = array_dims(kinds)
     AND NOT EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = kind) THEN
    -- Nothing but the chain itself can have one of these events, which is rare: another backfill has been faster.
    BEGIN
      size := public.audit_chain_extend(kinds, pks, payload_hashes, NULL::bytea[], NULL::text[]);
      RETURN cardinality(pks);
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;
  -- A key that was another row's, when rows had other keys, is used again.
  SELECT array_agg(e.pk ORDER BY e.n), array_agg(e.payload_hash ORDER BY e.n),
         array_agg((SELECT 'insert' FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = e.pk) ORDER BY e.n)
    INTO new_pks, new_hashes, new_roles
    FROM unnest(pks, payload_hashes) WITH ORDINALITY AS e(pk, payload_hash, n)
   WHERE NOT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = e.pk AND c.seq > since)
     -- Not a join: what is gone from pending and not vacuumed yet would be read for each row (500 rows took 2 s).
     AND e.pk NOT IN (SELECT p.event_pk FROM public.audit_chain_pending AS p WHERE p.event_kind = kind)
     -- A tracked row that has changed since it was attached stands in the chain by its changes, and one that got another key
     -- by what it was recorded as anew: keys from pk@ up to pkA.
     AND (config.changes = 'refuse' AND since = 0 OR NOT EXISTS (
           SELECT FROM public.audit_chain AS c
            WHERE c.event_kind IN (concat(kind, ':insert'), concat(kind, ':update'), concat(kind, ':delete'), concat(kind, ':record')) AND c.seq > since
              AND c.event_pk > concat(e.pk, '@') COLLATE "C" AND c.event_pk < concat(e.pk, 'A') COLLATE "C"
              -- Keys can contain an @ themselves: another row's changes are not this one's.
              AND c.event_pk = concat(e.pk, '@', c.seq)));
  IF new_pks IS NULL THEN
    RETURN 0;
  END IF;
  size := public.audit_chain_extend(kinds[1:cardinality(new_pks)], new_pks, new_hashes, NULL::bytea[], new_roles);
  RETURN cardinality(new_pks);
END
$function$;
