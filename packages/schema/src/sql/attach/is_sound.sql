-- Whether a configuration row is one that this system can have written: the same as the verifier's decodeConfig. What
-- the verifier cannot read must not be believed here either.
CREATE OR REPLACE FUNCTION public.audit_chain_is_sound(config public.audit_chain_config) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(
    config.id >= 1 AND isfinite(config.recorded_at) AND config.actor IS NOT NULL
    AND config.action IN ('attach', 'detach', 'complete', 'readmit', 'repair') AND config.changes IN ('refuse', 'track')
    AND config.mode IN ('strict', 'sealed', 'stream') AND config.complete IS NOT NULL AND config.record_anew IS NOT NULL
    AND (config.retention IS NULL OR config.retention ~ '^P(?=.*[1-9])([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$')
    AND octet_length(convert_to(config.kind, 'UTF8')) BETWEEN 1 AND 200
    AND config.relation ~ '^("([^"]|"")+"|[^".]+)\.("([^"]|"")+"|[^".]+)$'
    AND NOT EXISTS (
      SELECT FROM (VALUES (config.key_columns), (config.columns), (config.members), (config.column_types), (config.excluded), (config.present)) AS a(list)
       WHERE a.list IS NULL OR array_ndims(a.list) > 1 OR array_lower(a.list, 1) <> 1
          OR EXISTS (SELECT FROM unnest(a.list) AS e(item) WHERE e.item IS NULL))
    AND cardinality(config.key_columns) > 0 AND cardinality(config.columns) = cardinality(config.column_types) AND cardinality(config.columns) = cardinality(config.members)
    AND (SELECT count(DISTINCT m.name) FROM unnest(config.members) AS m(name)) = cardinality(config.members)
    AND CASE jsonb_typeof(config.renamed)
          WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(config.renamed) AS r WHERE jsonb_typeof(r.value) <> 'string')
          ELSE false END
    AND CASE jsonb_typeof(config.repaired)
          WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(config.repaired) AS r WHERE jsonb_typeof(r.value) <> 'string')
          ELSE false END
    AND CASE jsonb_typeof(config.absent)
          WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(config.absent) AS r WHERE jsonb_typeof(r.value) <> 'string' OR r.key <> ALL (config.members))
          ELSE false END, false)
$function$;
