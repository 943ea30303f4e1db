import { createHash } from "node:crypto";
import type { Random } from "../random.ts";
import { type AuditedTable, TABLES } from "../world/tables.ts";
import { quoted } from "./sql-text.ts";
import type { Attacker } from "./attacker.ts";
import { type ForgedLink, readChain, rowOf } from "./chain.ts";

/** A row of an audited table that is there, and the newest event of its key. */
export interface Victim {
  readonly table: AuditedTable;
  readonly pk: string;
  readonly newest: ForgedLink;
}

/** Finds a row by its event's key. */
export const where = ({ table, pk }: Pick<Victim, "table" | "pk">): string => `where ${table.pk} = ${quoted(pk)}`;

/** Draws rows that are there, whose newest event is linked, among those of `tables`. */
export async function pickVictim(
  attacker: Attacker,
  random: Random,
  options: { tables?: readonly AuditedTable[]; upTo?: number } = {},
): Promise<Victim> {
  const links = await readChain(attacker);
  const pending = new Set(
    (
      await attacker.read<{ key: string }>(
        `select concat(event_kind, ' ', event_pk) as key from public.audit_chain_pending`,
      )
    ).map(({ key }) => key),
  );
  for (let attempt = 0; attempt < 200; attempt++) {
    const table = random.pick(options.tables ?? TABLES);
    const newest = new Map<string, ForgedLink>();
    for (const link of links) {
      const row = rowOf(link);
      if (row.kind === table.kind) newest.set(row.pk, link);
    }
    const there = await attacker.read<{ pk: string }>(`select ${table.pk} as pk from ${table.relation} order by 1`);
    const rows = there.flatMap(({ pk }) => {
      const link = newest.get(pk);
      const isOld = link !== undefined && link.seq <= (options.upTo ?? Number.MAX_SAFE_INTEGER);
      return isOld && !pending.has(`${table.kind} ${pk}`) ? [{ table, pk, newest: link }] : [];
    });
    if (rows.length > 0) return random.pick(rows);
  }
  throw new Error("no table has a row that is chained");
}

/** Changes the text of a covered column of a row past the trigger. */
export async function editRow(attacker: Attacker, random: Random, victim: Victim): Promise<void> {
  const { table } = victim;
  const text = async (): Promise<string> =>
    (
      await attacker.read<{ hash: string }>(`select md5(t::text) as hash from ${table.relation} as t ${where(victim)}`)
    )[0]?.hash ?? "";
  const before = await text();
  for (let attempt = 0; attempt < 100; attempt++) {
    await attacker.run(`update ${table.relation} set ${random.pick(table.edits)} ${where(victim)}`);
    if ((await text()) !== before) return;
    attacker.ran.pop();
  }
  throw new Error(`no edit changes the row ${victim.pk} of ${table.relation}`);
}

/**
 * The hash of a row as capture would compute it, with the columns that the configuration covers: for attackers who
 * make links that fit.
 */
export async function payloadOf(attacker: Attacker, victim: Pick<Victim, "table" | "pk">): Promise<string> {
  const { table } = victim;
  await attacker.run(
    "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set bytea_output = 'hex'; set extra_float_digits = 1; set lc_monetary = 'C'",
  );
  const [config] = await attacker.read<Record<"columns" | "members" | "absent", string>>(
    `select to_json(columns)::text as columns, to_json(members)::text as members, absent::text as absent
       from public.audit_chain_config where kind = ${quoted(table.kind)} order by id desc limit 1`,
  );
  const columns = JSON.parse(config?.columns ?? "[]") as string[];
  const members = JSON.parse(config?.members ?? "[]") as string[];
  const absent = new Map(Object.entries(JSON.parse(config?.absent ?? "{}") as Record<string, string>));
  const list = columns.map(
    (name, i) =>
      `case when t."${name.replaceAll('"', '""')}" is distinct from null then concat(t."${name.replaceAll('"', '""')}") end as c${i}`,
  );
  const [row] = await attacker.read<Record<string, string | null>>(
    `select ${list.join(", ")} from ${table.relation} as t ${where(victim)}`,
  );
  const payload: Record<string, string | null> = {};
  for (const member of members.toSorted()) {
    const value = row?.[`c${members.indexOf(member)}`] ?? null;
    // What older rows have in a column that joined is left out, as NULL is elsewhere.
    if (value !== (absent.get(member) ?? null)) payload[member] = value;
  }
  return createHash("sha256").update(JSON.stringify(payload)).digest("hex");
}
