import type { Sql } from "postgres";

/**
 * What a person calls a database: its name and where it is, without user and password. `a on db.example:5432`.
 *
 * @param url a PostgreSQL URL
 */
export function databaseName(url: string): string {
  const match = /^[^:]+:\/\/(?:[^@/]*@)?([^/?]*)(?:\/([^?]*))?/.exec(url);
  const [, host = "", database = ""] = match ?? [];
  const name = database === "" ? "the default one" : decoded(database);
  return host === "" ? name : `${name} on ${decoded(host)}`;
}

/** The same of a client. */
export function clientName({ options: { host, port, database, path } }: Sql): string {
  const places = host.map((name, index) => `${name}:${port[index] ?? ""}`);
  return `${database} on ${path || places.join(",")}`;
}

/** Without percent signs; text that is not validly encoded stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
