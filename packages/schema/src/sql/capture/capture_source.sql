-- The body of a table's capture function, generated from its configuration. The verifier generates the same text
-- (capture-source.ts) and compares. `row_wise` is for row triggers instead of a statement trigger for INSERT. Statement
-- triggers with transition tables do not see rows routed to partitions or put directly into one, and tracked events
-- must be staged in the order in which they happen.
--
-- Calls name the types of their arguments. In a database where everyone may create functions in public, a literal
-- without a type could find someone else's overload, which would then run as our owner. Columns can have any name, so a
-- variable that stands beside them is qualified by its block. A session that has a plan for NEW or OLD keeps it when a
-- column gets another type, and would fail from then on: hence the exception blocks.
--
-- CPU of the server beside the same table unaudited (six narrow columns, PostgreSQL 18):
--   50,000 rows in one INSERT                  0.21 s, sealed 0.69, strict 1.69
--   20,000 single inserts in one transaction   0.16 s, sealed 1.3, strict 2.0; twice that for twice as many
--
-- A single sealed insert adds 57 us. Of these the trigger takes 5, its settings 5, the row of pending 12, and the start
-- of the one large expression most of the rest. As PL/pgSQL assignments that takes a third less, but a bulk insert
-- twice as long, and a dropped column could not be overcome.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_source(
  kind text, relation text, key_columns text[], columns text[], members text[], absent jsonb, changes text, mode text, row_wise boolean, blind_key boolean, salt boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  insert_into text := '    INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash';
  -- The secret is read when a row is captured: everybody can read a function's source.
  blind text := CASE WHEN blind_key THEN 'public.audit_chain_blind_key((SELECT s.secret FROM public.audit_chain_secret AS s WHERE s.event_kind = %3$L), ' ELSE '' END;
  blind_end text := CASE WHEN blind_key THEN ')' ELSE '' END;
  body   text := E'\n#variable_conflict use_column\n<<audit_chain_capture>>\nDECLARE\n  relid oid := TG_RELID;\n'
              || E'  old_key text;\n  new_key text;\n  old_payload text;\n  new_payload text;\n';
  refuse text := format('PERFORM public.audit_chain_refuse(%L::text, TG_OP);', relation);
  read_row   text := E'    BEGIN\n      SELECT event.pk, event.payload INTO %1$s_key, %1$s_payload\n      FROM %2$s;\n'
                  || E'    EXCEPTION WHEN datatype_mismatch THEN\n      %1$s_payload := %5$L;\n    END;\n'
                  || E'    IF pg_catalog.strpos(%1$s_payload, %5$L) > 0 THEN\n      SELECT event.pk, event.payload INTO %1$s_key, %1$s_payload\n'
                  || E'      FROM public.audit_chain_odd_row(%3$L::text, relid, pg_catalog.concat(%4$s)) AS event;\n    END IF;\n';
  read_new   text := format(read_row, 'new', public.audit_chain_row_source('(SELECT NEW.*)'::text, key_columns, columns, members, absent), kind, 'NEW', public.audit_chain_gone());
  read_old   text := format(read_row, 'old', public.audit_chain_row_source('(SELECT OLD.*)'::text, key_columns, columns, members, absent), kind, 'OLD', public.audit_chain_gone());
  row_key    text := blind || E'CASE WHEN pg_catalog.octet_length(%4$s_key) <= 2000 THEN %4$s_key\n'
                  || E'                        ELSE public.audit_chain_odd_key(%3$L::text, %4$s_key) END' || blind_end;
  stage_row  text := insert_into || CASE WHEN salt
                  THEN E'%6$s)\n    SELECT %1$L, %2$L, %3$L, event.pk, public.audit_chain_salted(%3$L::text, event.pk, %4$s_payload)%5$s\n'
                    || E'      FROM (SELECT ' || row_key || E' AS pk OFFSET 0) AS event;\n'
                  ELSE E'%6$s)\n    VALUES (%1$L, %2$L, %3$L, ' || row_key || E',\n'
                    || E'           pg_catalog.sha256(pg_catalog.convert_to(%4$s_payload, ''UTF8''))%5$s);\n' END;
  old_event  text := replace(blind, '%3$L', '%2$L') || 'old_key' || blind_end;
  old_hash   text := CASE WHEN salt THEN 'public.audit_chain_salted(%2$L::text, ' || old_event || ', old_payload)' ELSE 'pg_catalog.sha256(pg_catalog.convert_to(old_payload, ''UTF8''))' END;
  let_go     text := 'PERFORM public.audit_chain_let_go(%1$L::text, %2$L::text, ' || old_event || ', ' || old_hash || ');';
  -- Another key makes it another row.
  put_back   text := 'PERFORM public.audit_chain_put_back(%1$L::text, %2$L::text, CASE WHEN new_key = old_key THEN ' || old_event || ' END, '
                  || old_hash || ', ' || replace(old_hash, 'old_payload', 'new_payload') || ');';
  before_hash text := CASE WHEN salt THEN format(', public.audit_chain_salted(%L::text, event.pk, old_payload)', kind)
                           ELSE E',\n           pg_catalog.sha256(pg_catalog.convert_to(old_payload, ''UTF8''))' END;
  odd_row    text := 'public.audit_chain_odd_row(%3$L::text, audit_chain_capture.relid, pg_catalog.concat(source.*))';
  rows_key   text := blind || E'CASE WHEN pg_catalog.strpos(event.payload, %5$L) > 0 THEN public.audit_chain_odd_key(%3$L::text, (' || odd_row || E').pk)\n'
                  || E'                        WHEN pg_catalog.octet_length(event.pk) <= 2000 THEN event.pk\n'
                  || E'                        ELSE public.audit_chain_odd_key(%3$L::text, event.pk) END' || blind_end;
  rows_payload text := E'CASE WHEN pg_catalog.strpos(event.payload, %5$L) > 0 THEN (' || odd_row || E').payload ELSE event.payload END';
  stage_rows text := insert_into || CASE WHEN salt
                  THEN E')\n    SELECT %1$L, %2$L, %3$L, captured.pk, public.audit_chain_salted(%3$L::text, captured.pk, captured.payload)\n'
                    || E'      FROM (SELECT ' || rows_key || E' AS pk,\n           ' || rows_payload || E' AS payload\n      FROM %4$s OFFSET 0) AS captured;\n'
                  ELSE E')\n    SELECT %1$L, %2$L, %3$L, ' || rows_key || E',\n'
                    || E'           pg_catalog.sha256(pg_catalog.convert_to(' || rows_payload || E', ''UTF8''))\n      FROM %4$s;\n' END;
  first_op   text := CASE changes WHEN 'track' THEN 'insert' ELSE 'event' END;
BEGIN
  body := body || format(E'BEGIN\n  IF pg_catalog.concat(pg_catalog.quote_ident(TG_TABLE_SCHEMA), ''.'', pg_catalog.quote_ident(TG_TABLE_NAME)) <> %L THEN\n'
    || E'    PERFORM public.audit_chain_check_relation(%L::text, relid);\n  END IF;\n', relation, kind);
  body := body || E'  IF TG_OP = ''INSERT'' THEN\n'
    || CASE WHEN mode = 'stream' THEN E'    NULL;\n'
            WHEN row_wise THEN read_new || format(stage_row, mode, first_op, kind, 'new', '', '')
            ELSE format(stage_rows, mode, first_op, kind, public.audit_chain_row_source('audit_chain_new'::text, key_columns, columns, members, absent), public.audit_chain_gone()) END;
  IF mode = 'stream' AND changes = 'track' THEN
    RETURN body || format(E'  ELSIF TG_OP = ''TRUNCATE'' THEN\n    %s\n  END IF;\n  RETURN NULL;\nEND\n', refuse);
  END IF;
  body := body || E'  ELSIF TG_OP = ''UPDATE'' THEN\n    IF NEW OPERATOR(pg_catalog.*=) OLD THEN\n      RETURN NULL;\n    END IF;\n' || read_old || read_new;
  IF changes = 'refuse' THEN
    body := body || format(E'    IF new_payload <> old_payload THEN\n      ' || put_back || E'\n    END IF;\n    RETURN NULL;\n  ELSIF TG_OP = ''DELETE'' THEN\n', relation, kind)
      || read_old || format(E'    ' || let_go || E'\n    RETURN NULL;\n', relation, kind);
  ELSE
    body := body || E'    IF new_payload = old_payload THEN\n      RETURN NULL;\n    ELSIF new_key IS NOT DISTINCT FROM old_key THEN\n'
      || format(stage_row, mode, 'update', kind, 'new', before_hash, ', before_hash') || E'    ELSE\n'
      || format(stage_row, mode, 'delete', kind, 'old', before_hash, ', before_hash')
      || format(stage_row, mode, 'insert', kind, 'new', '', '')
      || E'    END IF;\n  ELSIF TG_OP = ''DELETE'' THEN\n' || read_old
      || format(stage_row, mode, 'delete', kind, 'old', before_hash, ', before_hash');
  END IF;
  body := body || format(E'  ELSE\n    %s\n  END IF;\n', refuse);
  IF mode = 'strict' THEN
    body := body || E'  IF FOUND THEN\n    INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;\n  END IF;\n';
  END IF;
  RETURN body || E'  RETURN NULL;\nEND\n';
END
$function$;
