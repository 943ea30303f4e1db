/** The role that everything of ours belongs to. Nobody is to become it. */
export const OWNER_ROLE = "scidex_audit_owner";
/** The roles of the audit chain. They belong to the whole server. */
export const OWN_ROLES = [
  OWNER_ROLE,
  "scidex_audit_writer",
  "scidex_audit_publisher",
  "scidex_audit_ro",
  "scidex_audit_inspector",
  "scidex_audit_deployer",
  "scidex_audit_retention",
  "scidex_audit_alert",
] as const;

export const isOwnRole = (name: string): boolean => OWN_ROLES.some((role) => role === name);
