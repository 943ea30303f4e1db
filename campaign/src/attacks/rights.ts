import type { Attack, Expected, Trial } from "../attack.ts";
import { TABLES } from "../world/tables.ts";
import { perform, type Step } from "./step.ts";

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

/** Groups that must be unproven stand in `found`, as checks. */
function hide({ random }: Trial): Step {
  const table = random.pick(TABLES);
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
      variant: "rows of a table",
      sql: "alter role campaign_inspector nobypassrls",
      undo: "alter role campaign_inspector bypassrls",
      found: sources,
    },
    {
      variant: "a trigger at login",
      sql: `create function public.at_login() returns event_trigger language plpgsql as $$ begin if session_user = 'campaign_app' then create temporary table task_events (id bigint); end if; end $$;
        create event trigger at_login on login execute function public.at_login()`,
      found: [{ check: "structure" }],
    },
    {
      variant: "the chain",
      sql: `revoke select on public.audit_chain from scidex_audit_inspector, scidex_audit_ro`,
      found: [{ check: "links" }],
    },
  ]);
}

/** Attacks by rights: too many for others, too few for the verifier. */
export const RIGHTS_ATTACKS: readonly Attack[] = [
  { id: "C04", title: "widen a role", checks: ["privilege_widened"], perform: widen },
  {
    id: "C11",
    title: "revoke the verifier's rights, hide a table from it",
    checks: ["unproven"],
    perform: async (trial) => ({ ...(await perform(trial, hide(trial))), exit: 3 }),
  },
];
