import { readChain } from "../attacker/chain.ts";
import { editRow, pickVictim } from "../attacker/rows.ts";
import { type Attack, type Expected, type Trial, type Where } from "../attack.ts";
import { type AuditedTable, TABLES } from "../world/tables.ts";

const LINK_CHECKS = ["event_hash", "chain_hash", "prev_hash", "gap"];
const at = (checks: readonly string[], seq: number) => checks.map((check) => ({ check, seq }));
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const plain = TABLES.filter(({ isPartitioned }) => !isPartitioned);

/** A statement, what it is called, and what must be found. */
interface Step {
  readonly variant: string;
  readonly sql: string;
  readonly found: readonly Where[];
  readonly undo?: string;
}

async function perform({ attacker }: Trial, { variant, sql, found, undo }: Step): Promise<Expected> {
  await attacker.run(sql);
  return undo === undefined
    ? { variant, found }
    : { variant, found, undo: async () => void (await attacker.run(undo)) };
}

const captureName = (kind: string): string =>
  `concat('audit_chain_capture_', left(encode(sha256(convert_to(${quoted(kind)}, 'UTF8')), 'hex'), 16))`;

async function nameOfCapture({ attacker }: Trial, kind: string): Promise<string> {
  const [row] = await attacker.read<{ name: string }>(`select ${captureName(kind)} as name`);
  return row?.name ?? "";
}

async function definitionOf({ attacker }: Trial, signature: string): Promise<string> {
  const [row] = await attacker.read<{ source: string }>(
    `select pg_get_functiondef(${quoted(signature)}::regprocedure) as source`,
  );
  return row?.source ?? "";
}

const OWN_TRIGGERS = [
  ["public.audit_chain", "audit_chain_append_only"],
  ["public.audit_chain_config", "audit_chain_append_only"],
  ["public.audit_chain_config", "audit_chain_capture"],
  ["public.audit_chain_ticket", "audit_chain_commit"],
] as const;

/** A trigger of an audited table or of one of our own, and what its findings must name. */
async function pickTrigger({ attacker, random }: Trial): Promise<{ on: string; name: string; where: Partial<Where> }> {
  if (random.chance(25)) {
    const [on, name] = random.pick(OWN_TRIGGERS);
    return { on, name, where: { names: [on, name] } };
  }
  const { relation, kind } = random.pick(TABLES);
  const triggers = await attacker.read<{ name: string }>(
    `select tgname as name from pg_trigger where tgrelid = ${quoted(relation)}::regclass and not tgisinternal order by 1`,
  );
  const { name } = random.pick(triggers);
  return { on: relation, name, where: { kind, names: name } };
}

const FUNCTIONS = [
  "public.audit_chain_append()",
  "public.audit_chain_append(text,text,bytea)",
  "public.audit_chain_seal(integer)",
  "public.audit_chain_link(xid8,integer)",
  "public.audit_chain_commit()",
  "public.audit_chain_append_only()",
  "public.audit_chain_lock_chain()",
];

const OWN_TABLES = ["public.audit_chain", "public.audit_chain_config", "public.audit_chain_pending"] as const;

async function widen(trial: Trial): Promise<Expected> {
  const { random } = trial;
  const table = random.pick(OWN_TABLES);
  const right = random.pick(["insert", "update", "delete", "truncate", "trigger"]);
  const cluster = (variant: string, sql: string, undo: string): Step => ({
    variant,
    sql,
    undo,
    found: [{ check: "privilege_widened" }],
  });
  const own = (variant: string, sql: string): Step => ({ variant, sql, found: [{ check: "privilege_widened" }] });
  return await perform(
    trial,
    random.pick([
      own(`${right} for a login`, `grant ${right} on ${table} to campaign_app`),
      own(`${right} for everybody`, `grant ${right} on ${table} to public`),
      own("a column for a login", `grant update (event_pk) on public.audit_chain to campaign_app`),
      own("a column for the read-only role", `grant insert (seq) on public.audit_chain to scidex_audit_ro`),
      own("the read-only role gains a right", `grant ${right} on ${table} to scidex_audit_ro`),
      own("the read-only role reads more", `grant select on public.audit_chain_pending to scidex_audit_ro`),
      own(
        "an internal function for everybody",
        `grant execute on function public.audit_chain_link(xid8,integer) to public`,
      ),
      own(
        "adopting for a login",
        `grant execute on function public.audit_chain_adopt(text,text[],bytea[]) to campaign_app`,
      ),
      own("another owner", `alter table ${table} owner to campaign_app`),
      own(
        "default privileges",
        `alter default privileges for role scidex_audit_owner in schema public grant insert on tables to campaign_app`,
      ),
      own(
        "default privileges for functions",
        `alter default privileges for role scidex_audit_owner grant execute on functions to campaign_app`,
      ),
      cluster(
        "a predefined role",
        "grant pg_write_all_data to campaign_app",
        "revoke pg_write_all_data from campaign_app",
      ),
      cluster(
        "the read-only role in a predefined one",
        "grant pg_write_all_data to scidex_audit_ro",
        "revoke pg_write_all_data from scidex_audit_ro",
      ),
      cluster(
        "the owner role can be entered",
        "grant scidex_audit_owner to campaign_app",
        "revoke scidex_audit_owner from campaign_app",
      ),
      cluster(
        "the owner role can be entered by the inspector's",
        "grant scidex_audit_owner to scidex_audit_inspector",
        "revoke scidex_audit_owner from scidex_audit_inspector",
      ),
      cluster(
        "the owner role can log in",
        "alter role scidex_audit_owner login password 'x'",
        "alter role scidex_audit_owner nologin password null",
      ),
    ]),
  );
}

function changeRelation({ random }: Trial): Step {
  const table: AuditedTable | null = random.chance(40) ? null : random.pick(TABLES);
  const on = table?.relation ?? "public.audit_chain";
  const place: Partial<Where> = table === null ? { names: "audit_chain" } : { kind: table.kind };
  const found = [{ check: "relation_changed", ...place }];
  const variants: Step[] = [
    {
      variant: "row security",
      sql: `alter table ${on} enable row level security; create policy p on ${on} using (true)`,
      found,
    },
    {
      variant: "row security forced",
      sql: `alter table ${on} enable row level security; alter table ${on} force row level security; create policy p on ${on} using (true)`,
      found,
    },
    { variant: "a rule", sql: `create rule r as on insert to ${on} do also select 1`, found },
    { variant: "a rule instead", sql: `create rule r as on delete to ${on} do instead nothing`, found },
  ];
  if (table === null || !table.isPartitioned) {
    variants.push({ variant: "inheritance", sql: `create table public.child_rows () inherits (${on})`, found });
    variants.push({ variant: "unlogged", sql: `alter table ${on} set unlogged`, found });
  }
  const step = random.pick(variants);
  return { ...step, variant: `${step.variant}, ${table === null ? "the chain" : "an audited table"}` };
}

async function narrow(trial: Trial): Promise<Expected> {
  const { random, attacker, world } = trial;
  const table = random.pick(TABLES);
  const { relation, kind } = table;
  const variant = random.pick(["detach", "exclude", "incomplete again", "configured away", "tracked, not refused"]);
  const found = [{ check: "coverage_narrowed", kind }];
  // The front door: an owner of the table, with all triggers at work.
  const front = async (sql: string): Promise<void> => {
    await world.honest.unsafe(sql);
    attacker.ran.push(sql);
  };
  const target = `${quoted(relation)}::regclass`;
  if (variant === "detach") await front(`select public.audit_chain_detach(${target})`);
  else if (variant === "exclude") {
    const column = random.pick(table.covered);
    const names = [...(kind === "agent_notes" ? ["seen"] : []), column].map(quoted);
    await front(`select public.audit_chain_attach(${target}, exclude => array[${names.join(", ")}])`);
  } else if (variant === "incomplete again") await front(`select public.audit_chain_complete(${target}, false)`);
  else if (variant === "tracked, not refused") {
    const refusing = random.pick(TABLES.filter(({ changes }) => changes === "refuse"));
    await front(`select public.audit_chain_attach(${quoted(refusing.relation)}::regclass, changes => 'track')`);
    return { variant, found: [{ check: "coverage_narrowed", kind: refusing.kind }] };
  } else
    await front(
      `insert into public.audit_chain_config select (select max(id) + 1 from public.audit_chain_config), clock_timestamp(), actor, 'detach', kind, relation, key_columns, columns, column_types, excluded, renamed, changes, mode, complete from public.audit_chain_config where kind = ${quoted(kind)} order by id desc limit 1`,
    );
  return { variant: `${variant}, ${kind}`, found };
}

async function lie(trial: Trial): Promise<Expected> {
  const { attacker, random } = trial;
  const variant = random.pick([
    "output function",
    "domain's output",
    "index not ready",
    "index not live",
    "index not valid",
    "enum's output",
    "index without a link",
  ]);
  const flag = { "index not ready": "indisready", "index not live": "indislive", "index not valid": "indisvalid" }[
    variant
  ];
  const index = random.pick(["audit_chain_pkey", "audit_chain_event_key"]);
  if (flag !== undefined) {
    await attacker.run(`update pg_index set ${flag} = false where indexrelid = 'public.${index}'::regclass`);
    return { variant, found: [{ check: "index_mismatch", names: index }, { check: "catalog_changed" }] };
  }
  if (variant === "index without a link") {
    // A row that the index does not know of: a lookup by seq does not find it.
    await attacker.run(
      `update pg_index set indisready = false, indislive = true where indrelid = 'public.audit_chain'::regclass`,
    );
    await attacker.run(
      `update public.audit_chain set appended_at = appended_at + interval '1 us' where seq = ${random.between(1, trial.length)}`,
    );
    await attacker.run(`update pg_index set indisready = true where indrelid = 'public.audit_chain'::regclass`);
    return { variant, found: [{ check: "index_mismatch" }] };
  }
  const type =
    variant === "output function"
      ? random.pick(["int4", "text", "jsonb", "timestamptz", "numeric"])
      : variant === "enum's output"
        ? "mood"
        : "small";
  const schema = variant === "output function" ? "pg_catalog" : "public";
  await attacker.run(
    `create function public.lying_out(${schema}.${type}) returns cstring language internal immutable strict as ${quoted({ int4: "int4out", text: "textout", jsonb: "jsonb_out", timestamptz: "timestamptz_out", numeric: "numeric_out", mood: "enum_out", small: "int4out" }[type] ?? "")}`,
  );
  await attacker.run(
    `update pg_type set typoutput = (select oid from pg_proc where proname = 'lying_out') where oid = '${schema}.${type}'::regtype`,
  );
  return { variant: `${variant} (${type})`, found: [{ check: "catalog_changed" }] };
}

function shadow({ random, world }: Trial): Step {
  const { relation, kind } = random.pick(TABLES.filter((table) => table.relation.startsWith("public.")));
  const name = relation.slice("public.".length);
  const table = `create schema evil; create table evil.${name} (like ${relation})`;
  const found = [{ check: "relation_shadowed", kind }];
  const own = [{ check: "relation_shadowed" }];
  return random.pick<Step>([
    {
      variant: "role's path",
      sql: `${table}; alter role campaign_app set search_path = evil, public`,
      undo: "alter role campaign_app reset search_path",
      found,
    },
    {
      variant: "role's path in this database",
      sql: `${table}; alter role campaign_app in database ${world.database} set search_path = evil, public`,
      found,
    },
    {
      variant: "database's path",
      sql: `${table}; alter database ${world.database} set search_path = 'evil', 'public'`,
      found,
    },
    {
      variant: "everybody's path",
      sql: `${table}; alter role all set search_path = evil, public`,
      undo: "alter role all reset search_path",
      found,
    },
    {
      variant: "a schema named as the login",
      sql: `create schema campaign_app; create table campaign_app.${name} (like ${relation})`,
      found,
    },
    {
      variant: "a view earlier in the path",
      sql: `create schema campaign_app; create view campaign_app.${name} as select * from ${relation}`,
      found,
    },
    {
      variant: "another chain",
      sql: `create schema evil; create table evil.audit_chain (like public.audit_chain); alter database ${world.database} set search_path = evil, public`,
      found: own,
    },
  ]);
}

/** Groups that must be unproven stand in `found`, as checks. */
function hide({ random }: Trial): Step {
  const table = random.pick(TABLES);
  const schema = table.relation.split(".")[0] ?? "";
  const sources = [{ check: "sources" }];
  return random.pick<Step>([
    {
      variant: `a table, ${table.kind}`,
      sql: `revoke select on ${table.relation} from scidex_audit_inspector`,
      found: sources,
    },
    { variant: "a schema", sql: `revoke usage on schema "Odd Schema" from scidex_audit_inspector`, found: sources },
    {
      variant: "the configuration",
      sql: "revoke select on public.audit_chain_config from scidex_audit_inspector",
      found: [...sources, { check: "coverage" }],
    },
    {
      variant: "pending",
      sql: "revoke select on public.audit_chain_pending from scidex_audit_inspector",
      found: sources,
    },
    {
      variant: `rows of a table, ${table.kind}`,
      sql: `alter table ${table.relation} enable row level security; create policy p on ${table.relation} using (false)`,
      found: sources,
    },
    {
      variant: "the chain",
      sql: `revoke select on public.audit_chain from scidex_audit_inspector, ${schema === "x" ? "x" : "scidex_audit_ro"}`,
      found: [{ check: "links" }],
    },
  ]);
}

export const MACHINERY_ATTACKS: readonly Attack[] = [
  {
    id: "C01",
    title: "drop or disable a capture trigger or a guard",
    checks: ["trigger_missing", "trigger_disabled"],
    perform: async (trial) => {
      const { on, name, where } = await pickTrigger(trial);
      const variant = trial.random.pick(["drop", "disable", "enable replica only"]);
      if (variant === "drop") {
        await trial.attacker.run(`drop trigger "${name}" on ${on}`);
        return { variant: `${variant} ${name}`, found: [{ check: "trigger_missing", ...where }] };
      }
      await trial.attacker.run(`alter table ${on} ${variant} trigger "${name}"`.replace(" only", ""));
      return { variant: `${variant} ${name}`, found: [{ check: "trigger_disabled", ...where }] };
    },
  },
  {
    id: "C02",
    title: "replace a function, also by one that behaves the same",
    checks: ["function_changed"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const signature = random.pick(FUNCTIONS);
      const variant = random.pick([
        "a comment more",
        "does nothing",
        "other rights",
        "another setting",
        "another cost",
      ]);
      const short = signature.slice("public.".length, signature.indexOf("("));
      const found = [{ check: "function_changed", names: short }];
      if (variant === "a comment more" || variant === "does nothing") {
        const source = await definitionOf(trial, signature);
        await attacker.run(
          variant === "a comment more"
            ? source.replace(/\bBEGIN\b/u, "BEGIN -- the same")
            : source.replace(/\bBEGIN\b/u, "BEGIN RETURN NULL;"),
        );
      } else if (variant === "other rights") {
        const [row] = await attacker.read<{ definer: boolean }>(
          `select prosecdef as definer from pg_proc where oid = ${quoted(signature)}::regprocedure`,
        );
        await attacker.run(`alter function ${signature} security ${row?.definer ? "invoker" : "definer"}`);
      } else if (variant === "another setting")
        await attacker.run(`alter function ${signature} set search_path = public`);
      else await attacker.run(`alter function ${signature} stable`);
      return { variant: `${variant}, ${short}`, found };
    },
  },
  {
    id: "C03",
    title: "change a trigger's arguments, or the generated expression",
    checks: ["trigger_changed", "function_changed"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const table = random.pick(TABLES);
      const { relation, kind } = table;
      const name = await nameOfCapture(trial, kind);
      if (random.chance(50)) {
        const column = random.pick(table.covered);
        const source = await definitionOf(trial, `public.${name}()`);
        const changed = source.replaceAll(column, column.length > 1 ? "id" : "x");
        await attacker.run(changed === source ? source.replace(/\bBEGIN\b/u, "BEGIN -- less") : changed);
        return { variant: `one column less, ${kind}`, found: [{ check: "function_changed", kind }] };
      }
      const [trigger] = await attacker.read<{ name: string; source: string }>(
        `select tgname as name, pg_get_triggerdef(oid) as source from pg_trigger where tgrelid = ${quoted(relation)}::regclass and not tgisinternal and tgname in ('audit_chain_guard', '0_audit_chain_track') limit 1`,
      );
      const source = trigger?.source ?? "";
      const variant = random.pick(["arguments", "never fires", "fewer events"]);
      await attacker.run(`drop trigger "${trigger?.name ?? ""}" on ${relation}`);
      if (variant === "arguments") await attacker.run(source.replace("()", "('another')"));
      else if (variant === "never fires") await attacker.run(source.replace(" EXECUTE", " WHEN (false) EXECUTE"));
      else await attacker.run(source.replace(" OR DELETE", "").replace(" DELETE OR", ""));
      return { variant: `${variant}, ${kind}`, found: [{ check: "trigger_changed", kind }] };
    },
  },
  { id: "C04", title: "widen a role", checks: ["privilege_widened"], perform: widen },
  {
    id: "C05",
    title: "row security, rules, inheritance, UNLOGGED",
    checks: ["relation_changed"],
    perform: async (trial) => await perform(trial, changeRelation(trial)),
  },
  {
    id: "C07",
    title: "change appended_at to slip out of a time window",
    checks: LINK_CHECKS,
    perform: async ({ attacker, random, heads, length }) => {
      const seq = random.between(1, length);
      await attacker.run(
        `update public.audit_chain set appended_at = appended_at ${random.pick(["-", "+"])} interval '${random.between(1, 400)} ${random.pick(["hours", "days"])}' where seq = ${seq}`,
      );
      const from = heads.findLast((head) => head < seq);
      const isWindow = from !== undefined && random.chance(60);
      return {
        variant: isWindow ? "window" : "everything",
        found: at(LINK_CHECKS, seq),
        first: seq,
        args: isWindow ? ["--from", String(random.between(from + 1, seq))] : [],
      };
    },
  },
  { id: "C08", title: "narrow the coverage through the front door", checks: ["coverage_narrowed"], perform: narrow },
  {
    id: "C09",
    title: "another output function, an index that lies",
    checks: ["catalog_changed", "index_mismatch"],
    perform: lie,
  },
  {
    id: "C10",
    title: "serve the application another table",
    checks: ["relation_shadowed"],
    perform: async (trial) => await perform(trial, shadow(trial)),
  },
  {
    id: "C11",
    title: "revoke the verifier's rights, hide a table from it",
    checks: ["unproven"],
    perform: async (trial) => ({ ...(await perform(trial, hide(trial))), exit: 3 }),
  },
  {
    id: "C13",
    title: "write the alert in advance, acknowledge it, bury the finding in noise",
    checks: ["source_deleted", "source_edited"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const victim = await pickVictim(attacker, random, { tables: plain });
      const isEdit = random.chance(50);
      if (isEdit) await editRow(attacker, random, victim);
      else await attacker.run(`delete from ${victim.table.relation} where ${victim.table.pk} = ${quoted(victim.pk)}`);
      const check = isEdit ? "source_edited" : "source_deleted";
      const { seq } = victim.newest;
      await attacker.run(
        `insert into public.senate_alerts (id, kind, ref_id, severity, details, ack_at, ack_by) values (999999, 'audit_chain_break', '${seq}', 'critical', '{"check": "${check}", "seq": ${seq}}', now(), 'mallory')`,
      );
      const noise = random.between(1100, 2500);
      await attacker.run(
        `insert into public.agent_notes (id, note) select 100000 + n, 'noise' from generate_series(1, ${noise}) as n`,
      );
      const length = (await readChain(attacker)).length;
      void length;
      return { variant: `${isEdit ? "edit" : "delete"} under ${noise} findings`, found: [{ check, seq }], first: seq };
    },
  },
];
