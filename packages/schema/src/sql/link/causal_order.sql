-- The order in which a batch of events has to be linked, so that each change's before_hash meets the payload hash of
-- the event of its key before it. Capture sees the changes of one transaction in the order in which triggers fire.
-- Where an application's AFTER trigger changes a sibling row that the same statement has changed, the later change
-- comes first.
--
-- Events stand in the order of capture; `changes` is update, delete or NULL (an insert). Only keys with several events
-- of one transaction are looked at, and their events share the places that they have among the others. Returns for each
-- place the number of the event that belongs there, or NULL where capture's order is right. NULL also stands where no
-- order fits: someone has changed the row past its trigger.
CREATE OR REPLACE FUNCTION public.audit_chain_causal_order(
  xids xid8[], kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], changes text[]) RETURNS integer[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
DECLARE
  key       record;
  trail     integer[];
  at_place  integer[];
  is_circle boolean;
  first_hash bytea;
BEGIN
  FOR key IN
    WITH event AS (
      SELECT e.n::integer, e.xid, e.kind, e.pk, e.before, CASE WHEN e.change = 'delete' THEN NULL ELSE e.payload END AS after
        FROM unnest(xids, kinds, pks, payload_hashes, before_hashes, changes) WITH ORDINALITY AS e(xid, kind, pk, payload, before, change, n)
    ), several AS (
      SELECT e.kind, e.pk FROM event AS e GROUP BY e.xid, e.kind, e.pk HAVING count(*) > 1
    ), placed AS (
      SELECT e.*, lag(e.after) OVER own IS DISTINCT FROM e.before AND row_number() OVER own > 1 AS is_broken,
             CASE WHEN row_number() OVER own = 1 THEN lag(e.n) OVER (PARTITION BY e.kind, e.pk ORDER BY e.n) END AS place_before
        FROM event AS e WHERE (e.kind, e.pk) IN (SELECT s.kind, s.pk FROM several AS s)
      WINDOW own AS (PARTITION BY e.xid, e.kind, e.pk ORDER BY e.n)
    )
    SELECT p.kind, p.pk, array_agg(p.n ORDER BY p.n) AS places, array_agg(p.before ORDER BY p.n) AS befores,
           array_agg(p.after ORDER BY p.n) AS afters, bool_or(p.is_broken) AS is_broken, min(p.place_before) AS place_before
      FROM placed AS p GROUP BY p.xid, p.kind, p.pk HAVING count(*) > 1 ORDER BY min(p.n)
  LOOP
    -- What begins where it ends can begin at each of its hashes: what was recorded of the key before tells which.
    is_circle := key.befores[1] IS NOT DISTINCT FROM key.afters[cardinality(key.afters)];
    CONTINUE WHEN NOT key.is_broken AND NOT is_circle;
    IF key.place_before IS NULL THEN
      first_hash := public.audit_chain_newest_hash(key.kind, key.pk, public.audit_chain_keyed_since(key.kind));
    ELSE
      key.place_before := coalesce(at_place[key.place_before], key.place_before);
      first_hash := CASE WHEN changes[key.place_before] = 'delete' THEN NULL ELSE payload_hashes[key.place_before] END;
    END IF;
    CONTINUE WHEN NOT key.is_broken AND first_hash IS NOT DISTINCT FROM key.befores[1];
    trail := public.audit_chain_trail(key.befores, key.afters, first_hash);
    CONTINUE WHEN trail IS NULL;
    IF at_place IS NULL THEN
      SELECT array_agg(n) INTO at_place FROM generate_series(1, cardinality(kinds)) AS n;
    END IF;
    FOR i IN 1 .. cardinality(trail) LOOP
      at_place[key.places[i]] := key.places[trail[i]];
    END LOOP;
  END LOOP;
  RETURN at_place;
END
$function$;
