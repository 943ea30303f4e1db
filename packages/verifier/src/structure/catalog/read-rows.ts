import { type Column, type Fields, type Slice, text } from "@scidex/audit-reader";
import { parseAcl } from "./acl.ts";

export const acl = (fields: Fields, at: number) => (fields[at] == null ? null : parseAcl(text(fields, at)));

/** Rights, as they are printed: of any number. */
export const rights = (column: string): Slice => ({ slice: column, of: "array" });

/** Reads one catalog of a server. */
export type ReadRows = <T>(
  catalog: string,
  columns: readonly Column[],
  decode: (fields: Fields) => T | null,
) => Promise<T[]>;

/** Runs `read`; null where it is refused, after the reason has been taken note of. */
export type OrNull = <T>(what: string, read: () => Promise<T>) => Promise<T | null>;
