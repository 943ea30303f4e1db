-- Attaches a table: from now on its rows are captured, and its changes refused or tracked. Runs with the rights of the
-- caller, who must own the table. Returns what was done: the configuration, the number of rows not chained yet,
-- warnings.
--
-- The same call again brings the capture up to date with the table's columns, or changes its mode. An option that is
-- NULL stays as it is. At first it is: sealed, refuse, nothing excluded, the primary key, the table's name, keys and
-- payloads as they are, fallback pending. With that fallback the sealer links what a strict commit cannot link because the lock is
-- held. Sealed is the default because it takes no lock on the write path and gives up nothing that is promised: in either
-- mode, rows that are younger than the last published head can be rewritten.
--
-- With `blind_key` events are keyed by audit_chain_blind_key under a secret of the table, for keys that are personal
-- data. That is decided when the kind is first attached.
--
-- With `salt` payloads are hashed with 16 random bytes before them (audit_chain_salted), which go with the row: for values that
-- could be guessed. That, too, is decided when the kind is first attached.
--
-- `retention` is how old rows of a table that refuses changes must be for audit_chain_retire to let them go: an ISO 8601
-- duration of weeks, days, hours, minutes and seconds, or `none`. The verifier holds to that of its policy, whatever stands here.
CREATE OR REPLACE FUNCTION public.audit_chain_attach(
  relation regclass, mode text DEFAULT NULL, changes text DEFAULT NULL, exclude text[] DEFAULT NULL,
  key text[] DEFAULT NULL, kind text DEFAULT NULL, salt boolean DEFAULT NULL, blind_key boolean DEFAULT NULL,
  fallback text DEFAULT NULL, retention text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning SET row_security = off
AS $function$
DECLARE
  qualified  text;
  event_kind text;
  key_names  text[];
  columns    text[];
  name       text;
  part       regclass;
  before     public.audit_chain_config;
  live       public.audit_chain_relation;
  members    text[];
  absent     jsonb;
  record_anew boolean;
  renames    jsonb;
  row_wise   boolean;
  rows_there bigint := 0;
  is_known   boolean;
  is_asked   boolean;
  is_taken_over boolean := false;
  is_whole   boolean;
  is_plain   boolean;
  is_complete boolean;
  function_name text;
  suffix     integer := 1;
  caller     text := CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN NULL ELSE current_user END;
BEGIN
  IF relation IS NULL THEN
    RAISE EXCEPTION 'no relation was given' USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the table to attach.';
  ELSIF mode NOT IN ('sealed', 'strict', 'stream') THEN
    RAISE EXCEPTION 'the mode must be sealed, strict or stream, not %', quote_nullable(mode) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of the three.';
  ELSIF changes NOT IN ('refuse', 'track') THEN
    RAISE EXCEPTION 'changes must be refuse or track, not %', quote_nullable(changes) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of the two.';
  ELSIF fallback NOT IN ('pending', 'fail') THEN
    RAISE EXCEPTION 'the fallback must be pending or fail, not %', quote_nullable(fallback) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of the two.';
  ELSIF retention !~ '^(none|P(?=.*[1-9])([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)$' THEN
    RAISE EXCEPTION 'the retention must be an ISO 8601 duration or none, not %', quote_literal(retention)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Weeks, days, hours, minutes and seconds, such as P400D: months and years have no fixed length.';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'attach needs a READ COMMITTED transaction, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  END IF;
  PERFORM public.audit_chain_check_attachable(relation);
  -- Writers wait from here on, so that no row falls between two configurations.
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)), c.relname, c.relkind = 'p', c.relkind = 'r'
    INTO qualified, event_kind, row_wise, is_plain
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r
   WHERE r.relid IN (SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t) ORDER BY r.relid <> relation, r.kind LIMIT 1;
  event_kind := coalesce(kind, live.kind, event_kind);
  IF live.relid <> relation THEN
    -- All rows have been captured where the table has become a partition just now, and the others have none.
    SELECT bool_or(public.audit_chain_is_own(i.xmin)) INTO is_whole FROM pg_inherits AS i WHERE i.inhrelid = live.relid;
    FOR part IN SELECT t.relid FROM pg_partition_tree(relation) AS t WHERE t.isleaf AND t.relid NOT IN (SELECT o.relid FROM pg_partition_tree(live.relid) AS o) LOOP
      EXIT WHEN NOT is_whole;
      EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', part) INTO is_whole;
    END LOOP;
    PERFORM public.audit_chain_take_over(relation, event_kind);
    FOR part, name IN
      SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
       WHERE t.tgrelid = live.relid AND NOT t.tgisinternal AND t.tgparentid = 0
         AND p.pronamespace = 'public'::regnamespace AND p.proname = public.audit_chain_capture_name(live.kind)
    LOOP
      EXECUTE format('DROP TRIGGER %I ON %s', name, part);
    END LOOP;
    SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.relid = relation;
    is_taken_over := true;
  END IF;
  before := public.audit_chain_in_force(event_kind);
  -- The kind of a table that was dropped stays that table's: its keys would be taken for those of this one.
  WHILE live.kind IS NULL AND before.action = 'detach' AND cardinality(before.columns) = 0 LOOP
    IF kind IS NOT NULL THEN
      RAISE EXCEPTION 'the kind % was that of a table that has been dropped', quote_literal(kind) USING ERRCODE = 'AC003', HINT = 'Leave it out, or give another one.';
    END IF;
    suffix := suffix + 1;
    event_kind := concat((SELECT c.relname FROM pg_class AS c WHERE c.oid = relation), '#', suffix);
    before := public.audit_chain_in_force(event_kind);
  END LOOP;
  is_known := before.id IS NOT NULL AND before.action <> 'detach';
  mode := coalesce(mode, CASE WHEN is_known THEN before.mode END, 'sealed');
  IF mode = 'stream' AND coalesce(salt, before.salt) THEN
    RAISE EXCEPTION 'the payloads of % are salted, which the mode stream does not do', relation USING ERRCODE = 'feature_not_supported', HINT = 'Attach it in the mode sealed.';
  ELSIF mode = 'stream' THEN
    PERFORM public.audit_chain_check_stream(relation, (
      SELECT p.pubname::text FROM pg_publication AS p JOIN pg_class AS c ON c.oid = relation AND c.relowner = p.pubowner
       WHERE starts_with(p.pubname::text, 'audit_chain') ORDER BY p.pubname LIMIT 1));
  END IF;
  changes := coalesce(changes, CASE WHEN is_known THEN before.changes END, 'refuse');
  blind_key := coalesce(blind_key, before.blind_key, false);
  IF blind_key <> before.blind_key THEN
    RAISE EXCEPTION 'the keys of % events are % since the kind was first attached, which cannot change', quote_literal(event_kind),
        CASE WHEN before.blind_key THEN 'blinded' ELSE 'not blinded' END
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Leave the option out; or copy the rows into a new table and attach that one with blind_key => %s.', blind_key::text);
  END IF;
  salt := coalesce(salt, before.salt, false);
  IF salt <> before.salt THEN
    RAISE EXCEPTION 'the payloads of % events are % since the kind was first attached, which cannot change', quote_literal(event_kind),
        CASE WHEN before.salt THEN 'salted' ELSE 'not salted' END
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Leave the option out; or copy the rows into a new table and attach that one with salt => %s.', salt::text);
  END IF;
  fallback := coalesce(fallback, CASE WHEN is_known THEN before.fallback END, 'pending');
  retention := nullif(coalesce(retention, CASE WHEN is_known THEN before.retention END), 'none');
  renames := CASE WHEN live.relid = relation THEN public.audit_chain_renames(live) ELSE '{}' END;
  -- What is kept follows the renames, and lets go of columns that have been dropped.
  IF exclude IS NULL THEN
    SELECT coalesce(array_agg(a.attname::text ORDER BY e.n), '{}') INTO exclude
      FROM unnest(CASE WHEN is_known THEN before.excluded END) WITH ORDINALITY AS e(name, n)
      JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = coalesce(renames ->> e.name, e.name) AND NOT a.attisdropped;
  END IF;

  FOREACH name IN ARRAY exclude LOOP
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = name AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
      RAISE EXCEPTION '% has no column %', relation, quote_literal(name) USING ERRCODE = 'undefined_column', HINT = 'Names are case-sensitive here; write them without quotes.';
    END IF;
  END LOOP;
  is_asked := key IS NOT NULL;
  IF NOT is_asked AND is_known THEN
    SELECT array_agg(a.attname::text ORDER BY k.n) INTO key
      FROM unnest(before.key_columns) WITH ORDINALITY AS k(name, n)
      JOIN pg_attribute AS a ON a.attrelid = relation AND NOT a.attisdropped
       AND a.attname::text = coalesce(renames ->> k.name, k.name)
    HAVING count(*) = cardinality(before.key_columns);
  END IF;
  -- What was the key may be none any more: a migration has given the table another one.
  key_names := coalesce(CASE WHEN NOT is_asked THEN public.audit_chain_key_now(relation, key) END, public.audit_chain_key_columns(relation, key));
  IF salt AND key_names <> (SELECT array_agg(coalesce(renames ->> k.name, k.name) ORDER BY k.n) FROM unnest(before.key_columns) WITH ORDINALITY AS k(name, n)) THEN
    RAISE EXCEPTION 'the payloads of % are salted by its key %, which cannot change', relation, array_to_string(before.key_columns, ', ')
      USING ERRCODE = 'feature_not_supported', HINT = 'Keep the key; or copy the rows into a new table and attach that one.';
  END IF;
  IF key_names && exclude THEN
    RAISE EXCEPTION 'a key column of % cannot be excluded', relation USING ERRCODE = 'AC005', HINT = 'Exclude other columns, or choose another key.';
  END IF;
  SELECT s.* INTO columns, members, absent, record_anew FROM public.audit_chain_shape(relation, event_kind, exclude) AS s;
  row_wise := row_wise OR changes = 'track';

  function_name := public.audit_chain_capture_open(relation, event_kind, key_names, columns, members, absent, changes, mode, row_wise, blind_key, salt, caller);
  PERFORM public.audit_chain_put_triggers(relation, changes, mode, row_wise, function_name);
  IF mode = 'stream' OR before.mode = 'stream' THEN
    PERFORM public.audit_chain_publish(relation, mode = 'stream');
  END IF;

  -- A table that was dropped and made again under the same name has rows of its own to be chained.
  IF NOT is_known OR live.relid IS DISTINCT FROM relation THEN
    -- Rows of inheritance children are not captured, and not this table's.
    EXECUTE format('SELECT count(*) FROM %s %s', CASE WHEN is_plain THEN 'ONLY' END, relation) INTO rows_there;
  END IF;
  IF is_taken_over AND NOT is_whole THEN
    EXECUTE format('SELECT count(*) FROM %s', relation) INTO rows_there;
  END IF;
  is_complete := rows_there = 0 AND (NOT is_known OR before.complete);
  IF mode = 'stream' AND NOT is_complete THEN
    RAISE EXCEPTION '% has rows that are not chained, and in the mode stream they could change before a backfill has come to them', relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Attach it in the mode sealed, run audit-chain backfill %s, and then attach it in the mode stream.', relation);
  END IF;
  -- The same call again changes nothing and records nothing.
  IF NOT is_known OR live.relid IS DISTINCT FROM relation
     OR is_taken_over OR (before.relation, before.key_columns, before.columns, before.members, before.absent, before.excluded, before.changes, before.mode, before.fallback, before.retention)
       IS DISTINCT FROM (qualified COLLATE "C", key_names, columns, members, absent, exclude, changes, mode, fallback, retention)
     OR before.present IS DISTINCT FROM public.audit_chain_present(relation)
     OR public.audit_chain_types_changed(relation, before.columns, before.column_types) THEN
    PERFORM public.audit_chain_configure(relation, 'attach'::text, event_kind, key_names, columns, members, absent, exclude, changes, mode, fallback, is_complete, record_anew, blind_key, salt, retention);
  END IF;
  IF caller IS NOT NULL THEN
    PERFORM public.audit_chain_capture_close(function_name, caller);
  END IF;
  RETURN jsonb_build_object('relation', qualified, 'kind', event_kind, 'key', to_jsonb(key_names), 'columns', to_jsonb(columns),
    'excluded', to_jsonb(exclude), 'changes', changes, 'mode', mode, 'fallback', fallback, 'retention', retention, 'salt', salt, 'blind_key', blind_key, 'complete', is_complete, 'rows_to_backfill', rows_there,
    'renamed', renames, 'record_anew', record_anew, 'warnings', public.audit_chain_attach_warnings(relation, columns, changes));
END
$function$;
