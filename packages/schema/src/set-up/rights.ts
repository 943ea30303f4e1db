/** Tables that whoever set up the schema (when not a superuser) may read, to attach tables. */
export const INSTALLER_TABLES = [
  "audit_chain",
  "audit_chain_config",
  "audit_chain_pending",
  "audit_chain_relation",
  "audit_chain_migrations",
] as const;

/** Functions that whoever set up the schema (when not a superuser) may call: attach, detach, backfill, and their parts. */
export const INSTALLER_FUNCTIONS = [
  "audit_chain_attach(regclass, text, text, text[], text[], text, boolean, boolean, text)",
  "audit_chain_detach(regclass)",
  "audit_chain_append()",
  "audit_chain_complete(regclass, boolean)",
  "audit_chain_adopt(text, text[], bytea[])",
  "audit_chain_configure(regclass, text, text, text[], text[], text[], jsonb, text, text, text, boolean, boolean)",
  "audit_chain_capture_open(regclass, text, text[], text[], text, text, boolean, boolean, text)",
  "audit_chain_capture_close(text, text)",
  "audit_chain_check_attachable(regclass)",
  "audit_chain_key_columns(regclass, text[])",
  "audit_chain_covered_columns(regclass, text[])",
  "audit_chain_types_changed(regclass, text[], text[])",
  "audit_chain_attach_warnings(regclass, text[])",
  "audit_chain_present(regclass)",
  "audit_chain_in_force(text)",
  "audit_chain_is_sound(public.audit_chain_config)",
  "audit_chain_type_description(oid, integer)",
  "audit_chain_quoted(text)",
  "audit_chain_utf16_order(text)",
  "audit_chain_capture_source(text, text, text[], text[], text, text, boolean, boolean)",
  "audit_chain_row_source(text, text[], text[])",
  "audit_chain_key_expression(text[])",
  "audit_chain_payload_expression(text[])",
] as const;
