import { toHex } from "@scidex/audit-core";
import { type Policy, verify, type Verification, type VerifyOptions } from "@scidex/audit-verifier";
import { openSink, parseSinkUrl } from "@scidex/audit-sinks";
import { beginLog, type BeginOptions, type BegunLog } from "../../src/index.ts";
import { type Log, ORIGIN } from "../log.ts";

/** Begins another log in the place of the one that is published. */
export const begin = async (log: Log, options: Partial<BeginOptions> = {}): Promise<BegunLog> =>
  await beginLog({
    database: log.sql,
    keyFile: log.keyFile,
    sinks: log.sinks,
    reason: "restored the backup of Saturday",
    ...options,
  });

/** A policy that follows these logs. */
export const following = (...logs: readonly Pick<BegunLog, "beginning">[]): Policy => ({
  origin: ORIGIN,
  tables: new Map(),
  detached: new Map(),
  loginTriggers: new Set(),
  server: [],
  logs: logs.map(({ beginning }) => ({ origin: beginning.origin, statement: toHex(beginning.hash) })),
});

/** Verifies links and heads, with the first log's keys. */
export async function look(
  log: Log,
  policy: Policy | null,
  options: VerifyOptions & { readonly sinks?: readonly string[]; readonly state?: Verification["state"] } = {},
): Promise<Verification> {
  const { sinks: urls = log.sinks, state, ...others } = options;
  const sinks = urls.map((url) => openSink(parseSinkUrl(url)));
  return await verify(
    log.sql,
    { origin: ORIGIN, keys: log.vkeys, heads: sinks, policy, state },
    { checks: ["links", "heads"], ...others },
  );
}

export const found = ({ report }: Verification): string[] => report.divergences.map(({ check }) => check);

/** Puts the chain back as it was with so many links, as a restored backup does. */
export const restore = async (log: Log, links: number): Promise<void> =>
  await log.attack(`delete from public.audit_chain where seq > ${links}`);
