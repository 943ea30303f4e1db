import { type Link, nextLink, payloadHash } from "@scidex/audit-core";
import type { Sql } from "postgres";

/** What an attacker with full write authority does, how it is undone, and what the report must say of it. */
export interface Attack {
  readonly name: string;
  /** The check that must find it. */
  readonly check: string;
  /** The link that the report must name; null where the check names an interval. */
  readonly seq: number | null;
  readonly attack: () => Promise<void>;
  readonly undo: () => Promise<void>;
}

/** How many links are cut off the tail. */
const CUT = 5;

/**
 * The four attacks of the demo. All are done as a superuser with `session_replication_role = replica`, under which
 * neither capture nor guards fire.
 *
 * @param sql a client with a single session, in which that is set
 */
export async function planAttacks(sql: Sql): Promise<Attack[]> {
  await sql`set session_replication_role = replica`;
  const [edited, deleted] = await pickRows(sql);
  const [head] = await sql<{ seq: string }[]>`select max(seq) as seq from audit_chain`;
  const last = Number(head?.seq);
  await sql`create temporary table kept_chain as select * from audit_chain`;
  await sql`create temporary table kept_rows as select * from artifact_provenance`;
  const restoreChain = async (): Promise<void> => {
    await sql`delete from audit_chain`;
    await sql`insert into audit_chain select * from kept_chain`;
  };
  const restoreRow = async (id: string): Promise<void> => {
    await sql`delete from artifact_provenance where action_id = ${id}`;
    await sql`insert into artifact_provenance select * from kept_rows where action_id = ${id}`;
  };
  return [
    {
      name: `edit a row: another content hash for ${edited.artifact}`,
      check: "source_edited",
      seq: edited.seq,
      attack: async () => void (await forgeRow(sql, edited.id)),
      undo: () => restoreRow(edited.id),
    },
    {
      name: `delete a row: ${deleted.artifact} was never locked`,
      check: "source_deleted",
      seq: deleted.seq,
      attack: async () => void (await sql`delete from artifact_provenance where action_id = ${deleted.id}`),
      undo: () => restoreRow(deleted.id),
    },
    {
      name: `cut the tail: the last ${CUT} links`,
      check: "truncated",
      seq: last - CUT + 1,
      attack: async () => void (await sql`delete from audit_chain where seq > ${last - CUT}`),
      undo: restoreChain,
    },
    {
      name: "edit a row and rewrite the whole chain, all hashes recomputed",
      check: "head_mismatch",
      seq: null,
      attack: async () => {
        await forgeRow(sql, edited.id);
        await rewriteChain(sql, edited.id);
      },
      undo: async () => {
        await restoreRow(edited.id);
        await restoreChain();
      },
    },
  ];
}

interface Victim {
  readonly id: string;
  readonly artifact: string;
  readonly seq: number;
}

/** Two rows in the middle of the chain. */
async function pickRows(sql: Sql): Promise<[Victim, Victim]> {
  const rows = await sql<{ id: string; artifact: string; seq: string }[]>`
    select p.action_id as id, p.artifact_id as artifact, c.seq
      from artifact_provenance as p join audit_chain as c on c.event_kind = 'artifact_provenance' and c.event_pk = p.action_id
     order by c.seq`;
  const victim = (i: number): Victim => {
    const row = rows[i];
    if (row === undefined) throw new Error("no row of artifact_provenance is chained");
    return { ...row, seq: Number(row.seq) };
  };
  return [victim(Math.floor(rows.length / 3)), victim(Math.floor((rows.length * 2) / 3))];
}

const forgeRow = async (sql: Sql, id: string): Promise<unknown> =>
  sql`update artifact_provenance set content_hash = 'sha512-of-a-package-with-a-back-door' where action_id = ${id}`;

/** Gives the forged row its matching hash, and recomputes every link: by themselves, the links are flawless again. */
async function rewriteChain(sql: Sql, id: string): Promise<void> {
  const rows = await sql<
    { seq: string; kind: string; pk: string; hash: Uint8Array; before: Uint8Array | null; time: string }[]
  >`
    select seq, event_kind as kind, event_pk as pk, payload_hash as hash, before_hash as before,
           to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time
      from audit_chain order by seq`;
  const forged = payloadHash(await payloadOf(sql, id));
  const links: Link[] = [];
  for (const { kind, pk, hash, before, time } of rows) {
    const isForged = kind === "artifact_provenance" && pk === id;
    const payload = isForged ? forged : hash;
    const event = { eventKind: kind, eventPk: pk, payloadHash: payload, beforeHash: before, appendedAt: time };
    links.push(nextLink(links.at(-1) ?? null, event));
  }
  const values = links.map((l) => ({
    seq: l.seq.toString(),
    payload: Buffer.from(l.payloadHash).toString("hex"),
    event: Buffer.from(l.eventHash).toString("hex"),
    prev: Buffer.from(l.prevHash).toString("hex"),
    chain: Buffer.from(l.chainHash).toString("hex"),
  }));
  await sql`
    update audit_chain as c
       set payload_hash = decode(v.payload, 'hex'), event_hash = decode(v.event, 'hex'),
           prev_hash = decode(v.prev, 'hex'), chain_hash = decode(v.chain, 'hex')
      from json_to_recordset(${JSON.stringify(values)}::text::json)
             as v(seq bigint, payload text, event text, prev text, chain text)
     where c.seq = v.seq`;
}

/** A row as capture hashes it: the columns' texts, without those that are NULL. */
async function payloadOf(sql: Sql, id: string): Promise<Record<string, string>> {
  await sql`set timezone = 'UTC'`;
  const [row] = await sql<Record<string, string | null>[]>`
    select action_id, artifact_id, action, actor, content_hash, inputs::text, created_at::text
      from artifact_provenance where action_id = ${id}`;
  const entries = Object.entries(row ?? {}).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(entries);
}
