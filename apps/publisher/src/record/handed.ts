import { CoreError, type Erasure, erasureLine, parseErasure, toHex } from "@scidex/audit-core";
import type { Policy } from "@scidex/audit-verifier";
import postgres, { type Sql } from "postgres";

/** Statements of erasures that are to be put into the sinks, and those of which that cannot be done. */
export interface Handed {
  /** Each a line. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** More are left to the next run. */
const MAX_HANDED = 1_000;

/**
 * The statements of erasures that have been handed over (`audit-chain erase`) and are in no sink yet. Anybody with write
 * authority can put something there: what names no event as the chain has it stays there, and where the policy is known,
 * what nobody has signed who may. Whose word counts, the verifier decides.
 *
 * @param relayed SHA-256 of those that are in the sinks, in hex
 */
export async function readHanded(sql: Sql, relayed: readonly string[], policy: Policy | null): Promise<Handed> {
  let rows: readonly { readonly note: string }[];
  try {
    rows = await notRelayed(sql, relayed);
  } catch (error) {
    // A head does not wait for it: whoever took the table away could else keep the log silent.
    if (!(error instanceof postgres.PostgresError)) throw error;
    return { lines: [], warnings: [`the statements of erasures could not be read: ${error.message}`] };
  }
  const lines: string[] = [];
  const warnings: string[] = [];
  for (const { note } of rows) {
    const read = erasureOf(note);
    const why = read instanceof CoreError ? read.message : await whyNot(sql, read, policy);
    if (why === undefined) lines.push(erasureLine(note));
    else warnings.push(`a statement of an erasure was not published: ${why}`);
  }
  return { lines, warnings };
}

const notRelayed = async (sql: Sql, relayed: readonly string[]): Promise<readonly { readonly note: string }[]> =>
  await sql<{ note: string }[]>`
    select h.note from only public.audit_chain_handed as h
     where not exists (select from pg_catalog.json_array_elements_text(${JSON.stringify(relayed)}::pg_catalog.text::pg_catalog.json) as r(hash)
                        where r.hash operator(pg_catalog.=) pg_catalog.encode(h.hash, 'hex'))
     order by h.hash limit ${MAX_HANDED}`;

function erasureOf(note: string): Erasure | CoreError {
  try {
    return parseErasure(note);
  } catch (error) {
    if (error instanceof CoreError) return error;
    throw error;
  }
}

async function whyNot(sql: Sql, { event, kind, pk, key }: Erasure, policy: Policy | null): Promise<string | undefined> {
  const row = `${JSON.stringify(kind)} ${JSON.stringify(pk)}`;
  const tables = policy === null ? [] : [...policy.tables.values()];
  if (policy !== null && !tables.some((table) => table.kind === kind && table.erasure?.includes(key) === true))
    return `the policy does not have the key that has signed it for ${row}, ${JSON.stringify(key)}`;
  const found = await sql`
    select from only public.audit_chain as c
     where c.seq operator(pg_catalog.=) ${String(event.seq)}::pg_catalog.int8
       and c.chain_hash operator(pg_catalog.=) pg_catalog.decode(${toHex(event.chainHash)}, 'hex')
       and c.event_kind operator(pg_catalog.=) ${`${kind}:erase`} and c.event_pk operator(pg_catalog.=) ${`${pk}@${event.seq}`}`;
  return found.length > 0 ? undefined : `the chain has no such event of ${row} at seq ${event.seq}`;
}
