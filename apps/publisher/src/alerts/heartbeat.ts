import { request, type RequestOptions } from "@scidex/audit-verifier/alerts";

/** A service that notices when it is not called any more. */
export interface Heartbeat extends RequestOptions {
  readonly url: URL;
}

/**
 * Calls the heartbeat, with GET, which all such services take.
 *
 * @throws {CommandError} `unavailable`, `interrupted`
 */
export async function beat({ url, ...options }: Heartbeat): Promise<void> {
  await request(url, () => ({ method: "GET", headers: { "User-Agent": "audit-publisher" } }), options);
}
