-- Two tables of the platform that are created if they are not there. They belong to whoever runs the set-up.
CREATE TABLE IF NOT EXISTS public.audit_log (
  id          bigserial PRIMARY KEY,
  actor       text NOT NULL,
  action      text NOT NULL,
  target_kind text,
  target_id   text,
  details     jsonb,
  created_at  timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS public.senate_alerts (
  id         bigserial PRIMARY KEY,
  kind       text NOT NULL,
  ref_id     text,
  severity   text NOT NULL DEFAULT 'medium',
  details    jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  ack_at     timestamptz,
  ack_by     text
);
