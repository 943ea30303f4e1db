/** Whom `audit-chain policy` has to be. */
export const LOGIN = { command: "policy", right: "a member of scidex_audit_inspector" };
