import { readFileSync, writeFileSync } from "node:fs";
import type { Divergence } from "@scidex/audit-verifier";
import { type Attack, kindOf, type Means } from "./attack.ts";
import type { Draw } from "./draw.ts";
import type { Platform } from "./platform.ts";
import { ROW_ATTACKS } from "./row-attacks.ts";
import { readTables, type Table } from "./tables.ts";
import type { Fresh } from "./writes.ts";

/** Something that SQL does and other SQL undoes. */
const bySql = (
  name: string,
  checks: readonly string[],
  draw: (means: Means) => readonly [table: Table | undefined, done: string, undone: string],
): Attack => ({
  name,
  perform: async (means) => {
    const [table, done, undone] = draw(means);
    await means.sql.unsafe(done);
    return {
      said: done,
      checks,
      ...(table === undefined ? {} : kindOf(table)),
      undo: async () => void (await means.sql.unsafe(undone)),
    };
  },
});

/** Links of the chain taken out or changed, and put back from a copy. */
const links = (
  name: string,
  checks: readonly string[],
  change: string,
  condition: (length: number, draw: Draw) => string,
): Attack => ({
  name,
  perform: async ({ sql, draw }) => {
    const [row] = await sql.unsafe<{ n: string }[]>("select max(seq)::text as n from audit_chain");
    const meant = condition(Number(row?.n), draw);
    await sql.unsafe(
      `drop table if exists pg_temp.kept; create temporary table kept as select * from audit_chain where ${meant}`,
    );
    await sql.unsafe(`${change} where ${meant}`);
    const undo = async () =>
      void (await sql.unsafe(
        `delete from audit_chain where seq in (select seq from pg_temp.kept); insert into audit_chain select * from pg_temp.kept`,
      ));
    return { said: `${change} where ${meant}`, checks, undo };
  },
});

/** Those of docs/threats.md that can be undone, and that leave nothing behind. */
export const ATTACKS: readonly Attack[] = [
  ...ROW_ATTACKS,
  links(
    "a link changed",
    ["event_hash", "chain_hash"],
    "update audit_chain set payload_hash = sha256('x')",
    (length, draw) => `seq = ${draw.between(1, length)}`,
  ),
  links("a link deleted", ["gap"], "delete from audit_chain", (length, draw) => `seq = ${draw.between(1, length - 1)}`),
  links(
    "the tail cut",
    ["truncated"],
    "delete from audit_chain",
    (length, draw) => `seq > ${length - draw.between(1, 20)}`,
  ),
  bySql("a trigger disabled", ["trigger_disabled"], ({ tables, draw }) => {
    const table = draw.pick(tables);
    const name = draw.pick(["audit_chain_guard_truncate", table.isLog ? "audit_chain_capture" : "0_audit_chain_track"]);
    return [
      table,
      `alter table ${table.relation} disable trigger "${name}"`,
      `alter table ${table.relation} enable trigger "${name}"`,
    ];
  }),
  bySql("a table renamed away", ["source_missing"], ({ tables, draw }) => {
    const { relation, schema, name } = draw.pick(tables);
    return [
      undefined,
      `alter table ${relation} rename to gone_away`,
      `alter table ${schema}.gone_away rename to ${name}`,
    ];
  }),
  bySql("an inheritance child", ["relation_changed"], ({ tables, draw }) => {
    const table = draw.pick(tables.filter(({ isPartitioned }) => !isPartitioned));
    return [table, `create table archive.child () inherits (${table.relation})`, "drop table archive.child"];
  }),
  bySql("the chain opened to a login", ["privilege_widened"], () => [
    undefined,
    "grant insert on audit_chain to year_app",
    "revoke insert on audit_chain from year_app",
  ]),
  bySql("row security on the chain", ["relation_changed"], () => [
    undefined,
    "alter table audit_chain enable row level security",
    "alter table audit_chain disable row level security",
  ]),
  {
    name: "a function replaced",
    perform: async ({ sql }) => {
      const [row] = await sql.unsafe<{ text: string }[]>(
        "select pg_get_functiondef('audit_chain_append()'::regprocedure) as text",
      );
      const before = row?.text ?? "";
      await sql.unsafe(before.replace("$function$", "$function$ -- another\n"));
      return {
        said: "audit_chain_append()",
        checks: ["function_changed"],
        undo: async () => void (await sql.unsafe(before)),
      };
    },
  },
  {
    name: "a line taken out of a head log",
    perform: async ({ platform, draw }) => {
      const path = draw.pick(platform.logs);
      const before = readFileSync(path, "utf8");
      const lines = before.split("\n").slice(0, -1);
      lines.splice(draw.between(0, lines.length - 1), 1);
      writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
      return {
        said: path,
        checks: ["sink_rewound", "sink_disagreement"],
        undo: async () => writeFileSync(path, before),
      };
    },
  },
];

/** Carries one of them out, has it looked for, and undoes it. @throws {Error} where it was not found */
export async function attack(
  platform: Platform,
  { name, perform }: Attack,
  draw: Draw,
  fresh: Fresh,
  look: () => Promise<readonly Divergence[]>,
): Promise<string> {
  await using sql = platform.connect("superuser");
  await sql.unsafe(
    "set session_replication_role = replica; set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'",
  );
  const tables: Table[] = [];
  for (const table of await readTables(sql))
    if (table.kind !== null && (await sql.unsafe(`select from ${table.relation} limit 1`)).length > 0)
      tables.push(table);
  const { said, checks, kind, pk, undo } = await perform({ platform, sql, tables, draw, fresh });
  const found = await look();
  const isFound = found.some(
    ({ check, eventKind: atKind, eventPk: atPk }) =>
      checks.includes(check) &&
      (kind === undefined || atKind?.split(":")[0] === kind) &&
      (pk === undefined || atPk === pk || atPk?.slice(0, atPk.lastIndexOf("@")) === pk),
  );
  await undo();
  if (isFound) return `${name}: ${said}`;
  throw new Error(
    `${name} (${said}) must be ${checks.join(" or ")} ${kind ?? ""} ${pk ?? ""}, and found is ${JSON.stringify(found.slice(0, 5))}`,
  );
}
