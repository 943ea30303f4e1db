-- What a guard says: for everybody, owners and cascades included.
CREATE OR REPLACE FUNCTION public.audit_chain_refuse(relation text, operation text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION '% of audited rows of % is refused: they are recorded in the audit chain', operation, relation
    USING ERRCODE = 'AC004',
          HINT = CASE operation
            WHEN 'TRUNCATE' THEN 'Rows of an audited table are kept. To stop auditing it, run audit-chain detach (the detachment is recorded).'
            ELSE 'Insert a new row instead. If rows of this table change legitimately, attach it with --changes track, which the verifier reports as coverage_narrowed until its policy has approved it; columns that are noise can be excluded.' END;
END
$function$;
