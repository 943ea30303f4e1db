import { createHash } from "node:crypto";
import { quoted } from "./sql-text.ts";
import type { Attacker } from "./attacker.ts";

/** A row of the chain as an attacker reads it; hashes in hex, the time as the chain hashes it. */
export interface ForgedLink {
  seq: number;
  kind: string;
  pk: string;
  payload: string;
  /** Null where the column is. */
  before: string | null;
  event: string;
  prev: string;
  chain: string;
  time: string;
}

const sha256 = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

const TIME = `to_char(appended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export async function readChain(attacker: Attacker): Promise<ForgedLink[]> {
  const rows = await attacker.read<Omit<ForgedLink, "seq"> & { seq: string }>(
    `select c.seq::text, event_kind as kind, event_pk as pk, encode(payload_hash, 'hex') as payload, encode(before_hash, 'hex') as before, encode(event_hash, 'hex') as event,
            encode(prev_hash, 'hex') as prev, encode(chain_hash, 'hex') as chain, ${TIME} as time from public.audit_chain as c order by c.seq`,
  );
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

/** Makes a link well-formed after the one before it: what the attacker knows from the design's description. */
export function fit(link: ForgedLink, before: Pick<ForgedLink, "seq" | "chain"> | undefined): ForgedLink {
  const seq = (before?.seq ?? 0) + 1;
  const prev = before?.chain ?? "00".repeat(32);
  const was = link.before === null ? "" : `"before_hash":"${link.before}",`;
  const event = sha256(
    `{"appended_at":${JSON.stringify(link.time)},${was}"event_kind":${JSON.stringify(link.kind)},"event_pk":${JSON.stringify(link.pk)},"payload_hash":"${link.payload}"}`,
  );
  const number = Buffer.alloc(8);
  number.writeBigInt64BE(BigInt(seq));
  return { ...link, seq, prev, event, chain: sha256(Buffer.from(prev, "hex"), Buffer.from(event, "hex"), number) };
}

/** Recomputes every link from an index on. Changes keep their keys: an attacker who renumbers would rename them. */
export function recompute(links: ForgedLink[], from: number): void {
  for (let i = from; i < links.length; i++) {
    const link = links[i];
    if (link === undefined) continue;
    const at = i + 1;
    // A change of a tracked row, or a row that was recorded anew, is keyed by its own seq.
    const isChange =
      /:(?:insert|update|delete|record|retire|erase|restore)$/u.test(link.kind) && link.pk.endsWith(`@${link.seq}`);
    const pk = isChange ? link.pk.slice(0, -String(link.seq).length) + String(at) : link.pk;
    links[i] = fit({ ...link, pk }, links[i - 1]);
  }
}

/** Puts these links in the place of all from an index on. */
export async function rewrite(attacker: Attacker, links: readonly ForgedLink[], from: number): Promise<void> {
  const rest = links.slice(from);
  await attacker.run(`delete from public.audit_chain where seq > ${from}`);
  if (rest.length === 0) return;
  await attacker.run(
    `insert into public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at) values ${rest.map(values).join(",\n")}`,
  );
}

export function values(link: ForgedLink): string {
  const { seq, kind, pk, payload, event, prev, chain, before, time } = link;
  return `(${seq}, ${quoted(kind)}, ${quoted(pk)}, '\\x${payload}', '\\x${event}', '\\x${prev}', '\\x${chain}', ${before === null ? "null" : `'\\x${before}'`}, '${time}')`;
}

/** The kind of the table that an event belongs to, and the row's own key. */
export function rowOf({ kind, pk, seq }: ForgedLink): { kind: string; pk: string } {
  const change = /^(.*):(?:insert|update|delete|record|retire|erase|restore)$/su.exec(kind);
  const end = `@${seq}`;
  return change?.[1] !== undefined && pk.endsWith(end)
    ? { kind: change[1], pk: pk.slice(0, -end.length) }
    : { kind, pk };
}
