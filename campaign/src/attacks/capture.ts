import { quoted } from "../attacker/sql-text.ts";
import type { Attack, Trial, Where } from "../attack.ts";
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
];
