import { quoted } from "../attacker/sql-text.ts";
import type { Attack, Expected, Trial, Where } from "../attack.ts";
import { TABLES } from "../world/tables.ts";

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

const PARTITIONED = TABLES.filter(({ isPartitioned }) => isPartitioned);

/** Without touching the trigger itself: by its table's flag, by the catalog, or on one partition. */
async function denyTriggers({ attacker, random }: Trial): Promise<Expected> {
  const variant = random.pick([
    "flag",
    "flag of a partition",
    "own flag",
    "a partition's guard",
    "a partition's trigger",
  ]);
  if (variant === "flag" || variant === "own flag") {
    const { relation, kind } = random.pick(TABLES.filter(({ isPartitioned }) => !isPartitioned));
    const on = variant === "flag" ? relation : random.pick(OWN_TRIGGERS)[0];
    await attacker.run(`update pg_class set relhastriggers = false where oid = ${quoted(on)}::regclass`);
    return { variant, found: [{ check: "trigger_disabled", ...(variant === "flag" ? { kind } : { names: on }) }] };
  }
  const { relation, kind } = random.pick(PARTITIONED);
  const on = `${relation}_1`;
  if (variant === "flag of a partition") {
    await attacker.run(`update pg_class set relhastriggers = false where oid = ${quoted(on)}::regclass`);
    return { variant, found: [{ check: "trigger_disabled", kind, names: on }] };
  }
  if (variant === "a partition's guard") {
    await attacker.run(`drop trigger audit_chain_guard_truncate on ${on}`);
    return { variant, found: [{ check: "trigger_missing", kind, names: [on, "audit_chain_guard_truncate"] }] };
  }
  const [trigger] = await attacker.read<{ name: string }>(
    `select tgname as name from pg_trigger where tgrelid = ${quoted(on)}::regclass and tgparentid <> 0 order by 1`,
  );
  const name = trigger?.name ?? "";
  if (random.chance(50)) {
    await attacker.run(`alter table ${on} disable trigger "${name}"`);
    return { variant: `${variant} disabled`, found: [{ check: "trigger_disabled", kind, names: [on, name] }] };
  }
  await attacker.run(`delete from pg_trigger where tgrelid = ${quoted(on)}::regclass and tgname = ${quoted(name)}`);
  return { variant: `${variant} deleted`, found: [{ check: "trigger_missing", kind, names: [on, name] }] };
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

/** Attacks on triggers and functions. */
export const CAPTURE_ATTACKS: readonly Attack[] = [
  {
    id: "C01",
    title: "drop or disable a capture trigger or a guard",
    checks: ["trigger_missing", "trigger_disabled"],
    perform: async (trial) => {
      if (trial.random.chance(30)) return await denyTriggers(trial);
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
    checks: ["function_changed", "catalog_changed"],
    perform: async (trial) => {
      const { attacker, random } = trial;
      const signature = random.pick(FUNCTIONS);
      const variant = random.pick([
        "a comment more",
        "does nothing",
        "other rights",
        "another setting",
        "another cost",
        "an overload",
        "an overload of a builtin",
        "what runs all of them",
      ]);
      if (variant === "what runs all of them") {
        const handler = random.pick(["pg_advisory_unlock_all()", "pg_stat_clear_snapshot()"]);
        await attacker.run(
          `update pg_language set lanplcallfoid = ${quoted(handler)}::regprocedure where lanname = 'plpgsql'`,
        );
        return { variant, found: [{ check: "catalog_changed", names: "plpgsql" }] };
      }
      if (variant === "an overload") {
        await attacker.run(
          "create function public.audit_chain_append(text, text, text) returns void language sql as 'select'",
        );
        return { variant, found: [{ check: "function_changed", names: "audit_chain_append" }] };
      }
      if (variant === "an overload of a builtin") {
        const [name, type] = random.pick([
          ["concat", "text"],
          ["concat", `"char"`],
          ["sha256", "text"],
          ["to_json", "text"],
        ] as const);
        await attacker.run(
          `create function pg_catalog.${name}(${type}) returns text language sql immutable as $$select 'x'::text$$`,
        );
        return { variant: `${variant}, ${name}(${type})`, found: [{ check: "function_changed", names: name }] };
      }
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
        const changed = source.replaceAll(`"${column.replaceAll('"', '""')}"`, '"another"');
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
];
