-- The body of a table's capture function, generated from its configuration. The verifier generates the same text
-- (capture-source.ts) and compares. `row_wise`: row triggers instead of a statement trigger for INSERT, because
-- statement triggers with transition tables do not see rows routed to partitions or put directly into one, and because
-- tracked events must be staged in the order in which they happen.
--
-- Calls name the types of their arguments: in a database where everyone may create functions in public, a literal
-- without a type could find someone else's overload, which would then run as our owner. Columns can have any name,
-- so a variable that stands beside them is qualified by its block.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_source(
  kind text, relation text, key_columns text[], columns text[], changes text, mode text, row_wise boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  stage text := E'    INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)\n'
             || E'    SELECT %L, %L, %L, CASE WHEN pg_catalog.octet_length(event.pk) <= 2000 THEN event.pk\n'
             || E'                        ELSE public.audit_chain_odd_key(%L::text, audit_chain_capture.relid, event.pk, pg_catalog.concat(source.*)) END,\n'
             || E'           pg_catalog.sha256(pg_catalog.convert_to(event.payload, ''UTF8''))\n      FROM %s;\n';
  body  text := E'\n#variable_conflict use_column\n<<audit_chain_capture>>\nDECLARE\n  relid oid := TG_RELID;\n';
  new_row text := public.audit_chain_row_source('(SELECT NEW.*)'::text, key_columns, columns);
  old_row text := public.audit_chain_row_source('(SELECT OLD.*)'::text, key_columns, columns);
  first_op text := CASE changes WHEN 'track' THEN 'insert' ELSE 'event' END;
  refuse text := format('PERFORM public.audit_chain_refuse(%L::text, TG_OP);', relation);
BEGIN
  body := body || CASE WHEN changes = 'track' THEN E'  old_key text;\n  new_key text;\n' ELSE '' END;
  body := body || E'  old_payload text;\n  new_payload text;\n';
  body := body || format(E'BEGIN\n  IF pg_catalog.concat(pg_catalog.quote_ident(TG_TABLE_SCHEMA), ''.'', pg_catalog.quote_ident(TG_TABLE_NAME)) <> %L THEN\n'
    || E'    PERFORM public.audit_chain_check_relation(%L::text, relid);\n  END IF;\n', relation, kind);
  body := body || E'  IF TG_OP = ''INSERT'' THEN\n'
    || format(stage, mode, first_op, kind, kind,
              CASE WHEN row_wise THEN new_row ELSE public.audit_chain_row_source('audit_chain_new'::text, key_columns, columns) END);
  body := body || E'  ELSIF TG_OP = ''UPDATE'' THEN\n    IF NEW OPERATOR(pg_catalog.*=) OLD THEN\n      RETURN NULL;\n    END IF;\n';
  IF changes = 'refuse' THEN
    body := body
      || format(E'    SELECT event.payload INTO old_payload\n      FROM %s;\n', old_row)
      || format(E'    SELECT event.payload INTO new_payload\n      FROM %s;\n', new_row)
      || format(E'    IF new_payload <> old_payload THEN\n      %s\n    END IF;\n    RETURN NULL;\n', refuse);
  ELSE
    body := body
      || format(E'    SELECT event.pk, event.payload INTO old_key, old_payload\n      FROM %s;\n', old_row)
      || format(E'    SELECT event.pk, event.payload INTO new_key, new_payload\n      FROM %s;\n', new_row)
      || E'    IF new_payload = old_payload THEN\n      RETURN NULL;\n    ELSIF new_key IS NOT DISTINCT FROM old_key THEN\n'
      || format(stage, mode, 'update', kind, kind, new_row)
      || E'    ELSE\n'
      || format(stage, mode, 'delete', kind, kind, old_row)
      || format(stage, mode, 'insert', kind, kind, new_row)
      || E'    END IF;\n  ELSIF TG_OP = ''DELETE'' THEN\n'
      || format(stage, mode, 'delete', kind, kind, old_row);
  END IF;
  body := body || format(E'  ELSE\n    %s\n  END IF;\n', refuse);
  IF mode = 'strict' THEN
    body := body || E'  IF FOUND THEN\n    INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;\n  END IF;\n';
  END IF;
  RETURN body || E'  RETURN NULL;\nEND\n';
END
$function$;
