import { connect, type ConnectOptions, databaseUrl } from "@scidex/audit-command";
import type { Sql } from "postgres";
import { PublisherError } from "./errors.ts";

/** Connects to AUDIT_DATABASE_URL, and gives up at once when the signal comes: a server may take long to answer. */
export async function connectUntil(signal: AbortSignal, options: ConnectOptions): Promise<Sql> {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(new PublisherError("aborted", "stopped while connecting to the database"));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const connecting = connect(databaseUrl(), options);
  try {
    return await Promise.race([connecting, stopped.promise]);
  } catch (error) {
    void connecting.then(async (late) => late.end({ timeout: 0 })).catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
