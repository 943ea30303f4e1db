import { type ForgedLink, readChain } from "../attacker/chain.ts";
import { quoted } from "../attacker/sql-text.ts";
import type { Trial } from "../attack.ts";

/** The chain's columns. */
export const COLUMNS = [
  "event_kind",
  "event_pk",
  "payload_hash",
  "event_hash",
  "prev_hash",
  "chain_hash",
  "before_hash",
  "appended_at",
  "seq",
];

/** Changes one bit of one column of one link, drawn among what the constraints let pass. */
export async function changeOneBit(trial: Trial, columns: readonly string[]): Promise<{ seq: number; what: string }> {
  const { attacker, random } = trial;
  const links = await readChain(attacker);
  for (;;) {
    const link = random.pick(links);
    const column = random.pick(columns);
    const change = oneBit(link, column, trial, links);
    if (change === null) continue;
    try {
      await attacker.run(`update public.audit_chain set ${column} = ${change} where seq = ${link.seq}`);
      return { seq: link.seq, what: column };
    } catch {
      // The constraints refuse this one: another draw.
    }
  }
}

/** SQL of a column's value with one bit changed; null where the draw leads to nothing that can be stored. */
function oneBit(link: ForgedLink, column: string, { random }: Trial, links: readonly ForgedLink[]): string | null {
  if (column === "seq") {
    const seq = BigInt(link.seq) ^ (1n << BigInt(random.int(63)));
    return seq < 1n || seq <= BigInt(links.length) ? null : String(seq);
  }
  if (column === "appended_at") {
    const bit = random.int(51);
    return `'1970-01-01 00:00:00+00'::timestamptz + concat(((extract(epoch from appended_at) * 1000000)::bigint # (1::bigint << ${bit})), ' microseconds')::interval`;
  }
  if (column === "event_kind" || column === "event_pk") {
    const bytes = Buffer.from(column === "event_kind" ? link.kind : link.pk);
    if (bytes.length === 0) return null;
    const i = random.int(bytes.length);
    bytes[i] = (bytes[i] ?? 0) ^ (1 << random.int(8));
    const text = bytes.toString();
    return bytes.includes(0) || !Buffer.from(text).equals(bytes) ? null : quoted(text);
  }
  // That there is a hash of the row before, or none, is bound, too.
  if (column === "before_hash" && (link.before === null || random.chance(20)))
    return link.before === null ? `'\\x${random.hex(32)}'` : "null";
  const bit = random.int(256);
  return `set_bit(${column}, ${bit}, 1 - get_bit(${column}, ${bit}))`;
}
