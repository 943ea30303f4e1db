/** Tables of the SciDEX platform that the demo uses; `audit_log` and `senate_alerts` are made by `init`. */
export const PLATFORM_TABLES = `
CREATE TABLE artifact_provenance (
  action_id     text PRIMARY KEY,
  artifact_id   text NOT NULL,
  action        text NOT NULL,
  actor         text NOT NULL,
  content_hash  text,
  inputs        jsonb NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE task_events (
  id          bigint PRIMARY KEY,
  task_id     text NOT NULL,
  event_type  text NOT NULL,
  detail      jsonb NOT NULL,
  created_at  timestamptz NOT NULL
);
CREATE TABLE senate_pause (
  scope_kind   text CHECK (scope_kind IN ('agent', 'skill', 'quest', 'actor')),
  scope_value  text,
  paused_at    timestamptz,
  paused_by    text,
  reason       text,
  ttl_seconds  int,
  cleared_at   timestamptz,
  cleared_by   text,
  PRIMARY KEY (scope_kind, scope_value, paused_at)
);`;
