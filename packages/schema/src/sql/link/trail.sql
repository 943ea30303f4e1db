-- A way through all events of one key, each of which leads from the hash before it to the hash after it (NULL: no row).
-- It is an Eulerian trail, found by Hierholzer's algorithm: any number of steps through repeated hashes takes linear
-- time. Where it can begin at several hashes, it begins at `first_hash`, or else where the first event does. Returns
-- the numbers of the events in that order; NULL where there is no such way.
CREATE OR REPLACE FUNCTION public.audit_chain_trail(befores bytea[], afters bytea[], first_hash bytea) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  events   integer := cardinality(befores);
  leaves   integer[];
  reaches  integer[];
  start    integer;
  surplus  integer[];
  starts   integer := 0;
  -- Events that leave a hash, oldest first: the first one, and from each the next.
  first_of integer[];
  next_of  integer[];
  path     integer[];
  via      integer[];
  depth    integer := 1;
  event    integer;
  trail    integer[];
  place    integer := events;
BEGIN
  -- Hashes get numbers.
  SELECT array_agg(n.number ORDER BY n.n) FILTER (WHERE n.side = 'before'), array_agg(n.number ORDER BY n.n) FILTER (WHERE n.side = 'after'),
         min(n.number) FILTER (WHERE n.side = 'first'), array_fill(0, ARRAY[max(n.number)::integer])
    INTO leaves, reaches, start, first_of
    FROM (SELECT e.*, dense_rank() OVER (ORDER BY e.hash) AS number
            FROM (SELECT 'before' AS side, b.* FROM unnest(befores) WITH ORDINALITY AS b(hash, n)
                  UNION ALL SELECT 'after', a.* FROM unnest(afters) WITH ORDINALITY AS a(hash, n)
                  UNION ALL SELECT 'first', first_hash, 0) AS e(side, hash, n)) AS n;
  surplus := first_of;
  next_of := array_fill(0, ARRAY[events]);
  trail := next_of;
  FOR i IN REVERSE events .. 1 LOOP
    next_of[i] := first_of[leaves[i]];
    first_of[leaves[i]] := i;
    surplus[leaves[i]] := surplus[leaves[i]] + 1;
    surplus[reaches[i]] := surplus[reaches[i]] - 1;
  END LOOP;
  IF first_of[start] = 0 THEN
    start := leaves[1];
  END IF;
  FOR i IN 1 .. cardinality(surplus) LOOP
    IF surplus[i] > 0 THEN
      start := i;
      starts := starts + surplus[i];
    END IF;
  END LOOP;
  IF starts > 1 THEN
    RETURN NULL;
  END IF;
  path := ARRAY[start];
  via := ARRAY[0];
  WHILE depth > 0 LOOP
    event := first_of[path[depth]];
    IF event > 0 THEN
      first_of[path[depth]] := next_of[event];
      depth := depth + 1;
      path[depth] := reaches[event];
      via[depth] := event;
    ELSE
      IF via[depth] > 0 THEN
        trail[place] := via[depth];
        place := place - 1;
      END IF;
      depth := depth - 1;
    END IF;
  END LOOP;
  RETURN CASE WHEN place = 0 THEN trail END;
END
$function$;
