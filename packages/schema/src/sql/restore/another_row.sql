-- Says of a row that is to be put back that it is another one than was recorded.
CREATE OR REPLACE FUNCTION public.audit_chain_another_row(relation text, pk text, actual bytea, recorded bytea, seq bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION 'the row % of % hashes to % as it was put back, and % was recorded at seq %', pk, relation,
    coalesce(encode(actual, 'hex'), 'nothing'), coalesce(encode(recorded, 'hex'), 'nothing'), seq
    USING ERRCODE = 'AC001',
          HINT = 'Nothing was changed. The chain keeps no values, so it cannot say which of them differ: this is another state of the row, or a trigger of the table has changed it on its way, or the table''s shape has changed since it was recorded.';
END
$function$;
