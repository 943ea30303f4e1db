/** The same server and credentials, another database. */
export function toDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}

/** The same server and database, another login. */
export function asRole(url: string, role: string, password = ""): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(role);
  changed.password = encodeURIComponent(password);
  return changed.href;
}

/** The URL with any password replaced by `***`, fit to be printed. */
export function withoutPassword(url: string): string {
  return url.replaceAll(/(:\/\/[^:@/?#\s]*:).*@/g, "$1***@").replaceAll(/([?&][^=&]*password=)[^&\s]*/gi, "$1***");
}
