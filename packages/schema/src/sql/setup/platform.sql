-- Two tables of the platform that are created if they are not there. They belong to whoever runs the set-up. The comment
-- says who made them: uninstall takes them away again, and leaves those that were there before.
DO $platform$
BEGIN
  IF to_regclass('public.audit_log') IS NULL THEN
    CREATE TABLE public.audit_log (
      id          bigserial PRIMARY KEY,
      actor       text NOT NULL,
      action      text NOT NULL,
      target_kind text,
      target_id   text,
      details     jsonb,
      created_at  timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE public.audit_log IS 'made by audit-chain init';
  END IF;
  IF to_regclass('public.senate_alerts') IS NULL THEN
    CREATE TABLE public.senate_alerts (
      id         bigserial PRIMARY KEY,
      kind       text NOT NULL,
      ref_id     text,
      severity   text NOT NULL DEFAULT 'medium',
      details    jsonb,
      created_at timestamptz NOT NULL DEFAULT now(),
      ack_at     timestamptz,
      ack_by     text
    );
    COMMENT ON TABLE public.senate_alerts IS 'made by audit-chain init';
  END IF;
END
$platform$;
