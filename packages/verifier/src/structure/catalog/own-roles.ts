import { type Place, ROLE_NAMES, roleAt } from "@scidex/audit-core";

/** The role that everything of ours belongs to. Nobody is to become it. */
export const ownerRole = ({ place }: { readonly place: Place }): string => roleAt("owner", place);

/** Whether a role is one of the audit chain's. They belong to the whole server. */
export const isOwnRole = ({ place }: { readonly place: Place }, role: string): boolean =>
  ROLE_NAMES.some((name) => roleAt(name, place) === role);
