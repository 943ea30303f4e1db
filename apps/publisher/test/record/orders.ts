// A table that is audited and published, whose shape changes then.
import { openSinks } from "@scidex/audit-sinks";
import { type Policy, type VerificationReport, verify } from "@scidex/audit-verifier";
import { type Log, openLog, ORIGIN } from "../log.ts";

const TABLE = "create table public.orders (id bigint primary key, item text not null, note text)";

/** An audited table with four rows, one of them changed since, published. */
export async function orders(changes: "refuse" | "track" = "track", salt = false): Promise<Log> {
  const log = await openLog();
  await log.sql.unsafe(TABLE);
  await log.sql`select public.audit_chain_attach('public.orders', 'sealed', ${changes}, salt => ${salt})`;
  await log.sql.unsafe(
    "insert into public.orders values (1, 'lamp', null), (2, 'x', 'n'), (3, 'y', null), (4, 'z', 'm')",
  );
  if (changes === "track") await log.sql.unsafe("update public.orders set item = 'zz' where id = 4");
  await log.publish();
  return log;
}

export const migrate = async (log: Log, ddl: string) =>
  await log.sql.begin(async (tx) => await tx.unsafe(`${ddl}; select public.audit_chain_sync('public.orders')`));

export async function look(log: Log, policy: Policy | null = null, paths: readonly string[] = log.sinks) {
  const heads = openSinks(paths, {});
  try {
    const checks = ["links", "heads", "sources", "coverage"] as const;
    return await verify(log.sql, { origin: ORIGIN, keys: log.vkeys, heads, policy }, { checks });
  } finally {
    await Promise.all(heads.map(async (sink) => await sink.close()));
  }
}

export const found = ({ divergences }: VerificationReport): string[] =>
  divergences.map(({ check, eventKind, eventPk }) => [check, eventKind, eventPk?.replace(/@.*/u, "")].join(" ").trim());

/** What is said while nothing is approved, and what is left once all is. */
export async function verdicts(log: Log) {
  const { report } = await look(log);
  const [tip] = await log.sql<{ seq: string; hash: string }[]>`
    select seq, encode(chain_hash, 'hex') as hash from public.audit_chain order by audit_chain.seq desc limit 1`;
  const approved = { seq: BigInt(tip?.seq ?? 0), chainHash: tip?.hash ?? "" };
  const policy = {
    origin: ORIGIN,
    tables: new Map(),
    detached: new Map(),
    loginTriggers: new Set<string>(),
    server: [],
    approved,
  };
  const { report: after } = await look(log, policy);
  return { before: found(report), unproven: report.unproven, after: after.status, found: found(after), policy, report };
}
