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

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
