/** Double quotes around a name, always. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string constant as PostgreSQL's `quote_literal` writes it. */
export function quotedLiteral(text: string): string {
  const body = text.replaceAll("'", "''");
  return text.includes("\\") ? `E'${body.replaceAll("\\", "\\\\")}'` : `'${body}'`;
}
