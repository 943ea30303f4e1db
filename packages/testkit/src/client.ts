import postgres from "postgres";

/**
 * The driver as the testkit uses it: few connections, notices dropped, and no query for custom types at connect. That
 * query would be the first to fail on the tampered catalogs that tests produce.
 */
export function client(url: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  return postgres(url, { max: 10, connect_timeout: 10, fetch_types: false, onnotice: () => {}, ...options });
}
