-- Serialises linking until the transaction ends. The tail must be read in a statement of its own afterwards. Returns true,
-- because an expression costs a third of a PERFORM.
CREATE OR REPLACE FUNCTION public.audit_chain_lock_chain() RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- WHERE id: found by the index. Without it there is no plan but a scan, which under enable_seqscan = off has a cost of
  -- 10,000,000,000 up to PostgreSQL 17, and so is compiled where LLVM is installed: 8 to 53 ms each time.
  PERFORM FROM public.audit_chain_lock WHERE id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the row of public.audit_chain_lock is missing, so links cannot be serialised'
      USING ERRCODE = 'AC002', HINT = 'Put it back as the owner: INSERT INTO public.audit_chain_lock DEFAULT VALUES';
  END IF;
  RETURN true;
END
$function$;
