/** The name as an SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The text as an SQL constant, whatever `standard_conforming_strings` says. */
export const constant = (text: string): string => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/**
 * An expression that sorts texts as their UTF-8 bytes sort, whatever the database's encoding is: in which order `merge`
 * takes events and rows. `COLLATE "C"` alone compares the server's own bytes: in WIN1252, `€` stands before `é`.
 */
export const inByteOrder = (expression: string, encoding: string): string =>
  encoding === "UTF8" ? `(${expression}) collate "C"` : `pg_catalog.convert_to(${expression}, 'UTF8')`;
