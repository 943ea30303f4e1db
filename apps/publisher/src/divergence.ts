import { CHECKS, type Divergence as Found, type Finding } from "@scidex/audit-reader";

/** A finding as reports have it, with the sink that it is about. */
export interface Divergence extends Found {
  readonly sink?: string;
}

/** What a check of the reader's has found. */
export const divergenceOf = ({ check, ...rest }: Finding): Divergence => ({ check, group: CHECKS[check], ...rest });
