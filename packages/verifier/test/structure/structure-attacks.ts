/** An attack by a superuser, as plain SQL, and what must be found: a check, and where as the message says it. */
export interface Attack {
  readonly what: string;
  readonly sql: string;
  readonly check: string;
  readonly where: RegExp;
  /** The audited table's kind, where it is about one. */
  readonly kind?: string;
}

/** The capture function of a kind, by name. */
const capture = (kind: string) =>
  `(select format('public.%I', concat('audit_chain_capture_', substr(encode(sha256('${kind}'), 'hex'), 1, 16))))`;

/** Replaces `old` by `new` in a function's source, through the front door. */
const edited = (name: string, from: string, to: string) => `do $do$ declare definition text; begin
  select replace(pg_get_functiondef(p.oid), $$${from}$$, $$${to}$$) into strict definition from pg_proc as p where p.oid::regproc::text = ${name} or p.proname = ${name};
  execute definition; end $do$`;

export const ON_TRIGGERS: readonly Attack[] = [
  {
    what: "C01 drop a capture trigger",
    sql: "drop trigger audit_chain_capture on public.strict_refuse",
    check: "trigger_missing",
    where: /^public\.strict_refuse has lost its trigger audit_chain_capture$/u,
    kind: "strict_refuse",
  },
  {
    what: "C01 drop a guard",
    sql: "drop trigger audit_chain_guard on public.strict_refuse",
    check: "trigger_missing",
    where: /strict_refuse has lost its trigger audit_chain_guard$/u,
    kind: "strict_refuse",
  },
  {
    what: "C01 drop the guard against TRUNCATE",
    sql: "drop trigger audit_chain_guard_truncate on public.sealed_track",
    check: "trigger_missing",
    where: /sealed_track has lost its trigger audit_chain_guard_truncate$/u,
    kind: "sealed_track",
  },
  {
    what: "C01 drop the trigger of a tracked table",
    sql: `drop trigger "0_audit_chain_track" on app."Odd ""name"""`,
    check: "trigger_missing",
    where: /^app\.Odd "name" has lost its trigger 0_audit_chain_track$/u,
    kind: "odd",
  },
  {
    what: "C01 drop a partitioned table's trigger",
    sql: "drop trigger audit_chain_capture on public.parts",
    check: "trigger_missing",
    where: /^public\.parts has lost its trigger audit_chain_capture$/u,
    kind: "parts",
  },
  {
    what: "C01 rename a trigger",
    sql: "alter trigger audit_chain_capture on public.strict_refuse rename to something",
    check: "trigger_missing",
    where: /strict_refuse has lost its trigger audit_chain_capture$/u,
  },
  {
    what: "C01 disable one trigger",
    sql: "alter table public.strict_refuse disable trigger audit_chain_capture",
    check: "trigger_disabled",
    where: /^the trigger audit_chain_capture of public\.strict_refuse is disabled$/u,
    kind: "strict_refuse",
  },
  {
    what: "C01 disable all triggers",
    sql: "alter table public.sealed_track disable trigger all",
    check: "trigger_disabled",
    where: /^the trigger 0_audit_chain_track of public\.sealed_track is disabled$/u,
  },
  {
    what: "C01 leave a trigger to replicas",
    sql: "alter table public.strict_refuse enable replica trigger audit_chain_guard",
    check: "trigger_disabled",
    where: /^the trigger audit_chain_guard of public\.strict_refuse is enabled for replication only$/u,
  },
  {
    what: "C01 disable a partition's clone",
    sql: "alter table public.parts_old disable trigger audit_chain_capture",
    check: "trigger_disabled",
    where: /audit_chain_capture of public\.parts_old is disabled$/u,
    kind: "parts",
  },
  {
    what: "C01 disable a sub-partition's clone in the catalog",
    sql: "update pg_trigger set tgenabled = 'D' where tgrelid = 'public.parts_new_1'::regclass and tgname = 'audit_chain_guard'",
    check: "trigger_disabled",
    where: /audit_chain_guard of public\.parts_new_1 is disabled$/u,
    kind: "parts",
  },
  {
    what: "C01 delete a partition's clone from the catalog",
    sql: "delete from pg_trigger where tgrelid = 'public.parts_new_0'::regclass and tgname = 'audit_chain_capture'",
    check: "trigger_missing",
    where: /^public\.parts_new_0 has lost its trigger audit_chain_capture$/u,
    kind: "parts",
  },
  {
    what: "C01 delete a trigger from the catalog",
    sql: "delete from pg_trigger where tgrelid = 'public.strict_refuse'::regclass and tgname = 'audit_chain_capture'",
    check: "trigger_missing",
    where: /strict_refuse has lost its trigger audit_chain_capture$/u,
  },
  {
    what: "C01 drop the chain's own guard",
    sql: "drop trigger audit_chain_append_only on public.audit_chain",
    check: "trigger_missing",
    where: /^public\.audit_chain has lost its trigger audit_chain_append_only$/u,
  },
  {
    what: "C01 disable the configuration's capture",
    sql: "alter table public.audit_chain_config disable trigger audit_chain_capture",
    check: "trigger_disabled",
    where: /audit_chain_capture of public\.audit_chain_config is disabled$/u,
  },
  {
    what: "C01 disable the ticket's trigger",
    sql: "alter table public.audit_chain_ticket disable trigger audit_chain_commit",
    check: "trigger_disabled",
    where: /audit_chain_commit of public\.audit_chain_ticket is disabled$/u,
  },
  {
    what: "C01 make everybody a replica in this database",
    sql: "do $$ begin execute format('alter database %I set session_replication_role = replica', current_database()); end $$",
    check: "trigger_disabled",
    where: /^no trigger fires for everyone in this database/u,
  },
  {
    what: "C03 other events",
    sql:
      "create or replace trigger audit_chain_guard after delete on public.strict_refuse for each row execute function " +
      "public.audit_chain_append_only()",
    check: "trigger_changed",
    where: /^the trigger audit_chain_guard of public\.strict_refuse was changed$/u,
    kind: "strict_refuse",
  },
  {
    what: "C03 a WHEN condition",
    sql: `do $$ begin execute 'create or replace trigger "0_audit_chain_track" after insert or update or delete on public.sealed_track for each row when (pg_trigger_depth() > 5) execute function ' || ${capture("sealed_track")} || '()'; end $$`,
    check: "trigger_changed",
    where: /0_audit_chain_track of public\.sealed_track was changed$/u,
  },
  {
    what: "C03 an argument",
    sql: `do $$ begin execute 'create or replace trigger audit_chain_guard after update or delete on public.strict_refuse for each row execute function ' || ${capture("strict_refuse")} || '(''x'')'; end $$`,
    check: "trigger_changed",
    where: /audit_chain_guard of public\.strict_refuse was changed$/u,
  },
  {
    what: "C03 only some columns",
    sql: `do $$ begin execute 'create or replace trigger audit_chain_guard after update of id or delete on public.strict_refuse for each row execute function ' || ${capture("strict_refuse")} || '()'; end $$`,
    check: "trigger_changed",
    where: /audit_chain_guard of public\.strict_refuse was changed$/u,
  },
  {
    what: "C03 another table's function",
    sql: `do $$ begin execute 'create or replace trigger audit_chain_guard_truncate before truncate on public.strict_refuse for each statement execute function ' || ${capture("sealed_track")} || '()'; end $$`,
    check: "trigger_changed",
    where: /audit_chain_guard_truncate of public\.strict_refuse was changed$/u,
  },
  {
    what: "C03 another name of the transition table",
    sql: "update pg_trigger set tgnewtable = 'other' where tgrelid = 'public.strict_refuse'::regclass and tgname = 'audit_chain_capture'",
    check: "trigger_changed",
    where: /audit_chain_capture of public\.strict_refuse was changed$/u,
  },
  {
    what: "C03 another timing, in the catalog",
    sql: "update pg_trigger set tgtype = tgtype | 2 where tgrelid = 'public.parts_old'::regclass and tgname = 'audit_chain_guard'",
    check: "trigger_changed",
    where: /audit_chain_guard of public\.parts_old was changed$/u,
  },
  {
    what: "C03 the ticket's trigger not deferred",
    sql: "update pg_trigger set tginitdeferred = false where tgname = 'audit_chain_commit'",
    check: "trigger_changed",
    where: /audit_chain_commit of public\.audit_chain_ticket was changed$/u,
  },
  {
    what: "C03 the chain's guard without DELETE",
    sql: "create or replace trigger audit_chain_append_only before update or truncate on public.audit_chain for each statement execute function public.audit_chain_append_only()",
    check: "trigger_changed",
    where: /audit_chain_append_only of public\.audit_chain was changed$/u,
  },
  {
    what: "C01 deny in the catalog that a table has triggers",
    sql: "update pg_class set relhastriggers = false where oid = 'public.strict_refuse'::regclass",
    check: "trigger_disabled",
    where: /^no trigger of public\.strict_refuse fires: the catalog denies that it has any$/u,
    kind: "strict_refuse",
  },
  {
    what: "C01 deny in the catalog that a partition has triggers",
    sql: "update pg_class set relhastriggers = false where oid = 'public.parts_new_0'::regclass",
    check: "trigger_disabled",
    where: /^no trigger of public\.parts_new_0 fires/u,
    kind: "parts",
  },
  {
    what: "C01 deny in the catalog that the chain has triggers",
    sql: "update pg_class set relhastriggers = false where oid = 'public.audit_chain'::regclass",
    check: "trigger_disabled",
    where: /^no trigger of public\.audit_chain fires/u,
  },
  {
    what: "C03 call a trigger internal, so that dumps leave it out",
    sql: "update pg_trigger set tgisinternal = true where tgrelid = 'public.strict_refuse'::regclass and tgname = 'audit_chain_guard'",
    check: "trigger_changed",
    where: /^the trigger audit_chain_guard of public\.strict_refuse was changed$/u,
    kind: "strict_refuse",
  },
];

export const ON_FUNCTIONS: readonly Attack[] = [
  {
    what: "C02 a body that does nothing",
    sql: "create or replace function public.audit_chain_append_only() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as 'begin return null; end'",
    check: "function_changed",
    where: /^the function public\.audit_chain_append_only\(\) was changed: source/u,
  },
  {
    what: "C02 a body that behaves the same",
    sql: edited("'audit_chain_seal'", "BEGIN", "BEGIN -- the same"),
    check: "function_changed",
    where: /audit_chain_seal\(int4\) was changed: source/u,
  },
  {
    what: "C02 security definer",
    sql: "alter function public.audit_chain_link(xid8, integer) security definer",
    check: "function_changed",
    where: /audit_chain_link\(xid8, int4\) was changed: attributes$/u,
  },
  {
    what: "C02 another search path",
    sql: "alter function public.audit_chain_seal(integer) set search_path = public, pg_catalog",
    check: "function_changed",
    where: /audit_chain_seal\(int4\) was changed: settings$/u,
  },
  {
    what: "C02 one more setting",
    sql: "alter function public.audit_chain_commit() set session_replication_role = replica",
    check: "function_changed",
    where: /audit_chain_commit\(\) was changed: settings$/u,
  },
  {
    what: "C02 no settings",
    sql: "alter function public.audit_chain_commit() reset all",
    check: "function_changed",
    where: /audit_chain_commit\(\) was changed: settings$/u,
  },
  {
    what: "C02 volatility",
    sql: "alter function public.audit_chain_seal(integer) stable",
    check: "function_changed",
    where: /audit_chain_seal\(int4\) was changed: attributes$/u,
  },
  {
    what: "C02 strictness",
    sql: "alter function public.audit_chain_append(text, text, bytea) strict",
    check: "function_changed",
    where: /audit_chain_append\(text, text, bytea\) was changed: attributes$/u,
  },
  {
    what: "C02 parallel safety and leakproofness",
    sql: "alter function public.audit_chain_check_kind(text) leakproof parallel safe",
    check: "function_changed",
    where: /audit_chain_check_kind\(text\) was changed: attributes$/u,
  },
  {
    what: "C02 another owner",
    sql: "alter function public.audit_chain_commit() owner to postgres",
    check: "function_changed",
    where: /audit_chain_commit\(\) was changed: owner$/u,
  },
  {
    what: "C02 another language",
    sql: "update pg_proc set prolang = (select oid from pg_language where lanname = 'sql') where proname = 'audit_chain_commit'",
    check: "function_changed",
    where: /audit_chain_commit\(\) was changed: attributes$/u,
  },
  {
    what: "C02 another default",
    sql: edited("'audit_chain_complete'", "DEFAULT true", "DEFAULT false"),
    check: "function_changed",
    where: /audit_chain_complete\(regclass, bool\) was changed: arguments$/u,
  },
  {
    what: "C02 another return type",
    sql: "drop function public.audit_chain_seal(integer); create function public.audit_chain_seal(max_rows integer) returns bigint language sql security definer as 'select 0::bigint'; alter function public.audit_chain_seal(integer) owner to scidex_audit_owner; revoke all on function public.audit_chain_seal(integer) from public",
    check: "function_changed",
    where: /audit_chain_seal\(int4\) was changed: returns/u,
  },
  {
    what: "C02 dropped",
    sql: "drop function public.audit_chain_enqueue(text, text, bytea)",
    check: "function_changed",
    where: /audit_chain_enqueue\(text, text, bytea\) is missing$/u,
  },
  {
    what: "C02 an overload",
    sql: "create function public.audit_chain_seal(bigint) returns integer language sql as 'select 0'; revoke all on function public.audit_chain_seal(bigint) from public",
    check: "function_changed",
    where: /audit_chain_seal\(int8\) does not belong to the audit chain/u,
  },
  {
    what: "C02 a function of its own under our prefix",
    sql: "create function public.audit_chain_helper() returns integer language sql as 'select 0'",
    check: "function_changed",
    where: /audit_chain_helper\(\) does not belong/u,
  },
  {
    what: "C02 a builtin of PostgreSQL's in SQL, which is inlined",
    sql: "create or replace function pg_catalog.sha256(bytea) returns bytea language sql immutable strict as 'select ''x''::bytea'",
    check: "catalog_changed",
    where: /^the function sha256 is not PostgreSQL's own any more \(pg_proc, row 3420\)$/u,
  },
  {
    what: "C02 an overload of a builtin that matches better",
    sql: "create function pg_catalog.convert_to(text, text) returns bytea language sql as 'select ''x''::bytea'",
    check: "function_changed",
    where: /^the function pg_catalog\.convert_to\(text, text\) is not PostgreSQL's own, and/u,
  },
  {
    what: "C02 a builtin out of the way",
    sql: "update pg_proc set proname = 'sha256_old' where proname = 'sha256'",
    check: "catalog_changed",
    where: /^the function sha256_old is not PostgreSQL's own any more \(pg_proc, row 3420\)$/u,
  },
  {
    what: "C03 one column less in the capture",
    sql: `do $do$ declare definition text; begin
      select regexp_replace(pg_get_functiondef(to_regproc(${capture("strict_refuse")})), 'CASE WHEN "body" IS DISTINCT FROM NULL', 'CASE WHEN false', 'g') into definition; execute definition; end $do$`,
    check: "function_changed",
    where: /was changed: source/u,
    kind: "strict_refuse",
  },
  {
    what: "C03 another kind in the capture",
    sql: `do $do$ declare definition text; begin
      select replace(pg_get_functiondef(to_regproc(${capture("parts")})), '''parts''', '''partz''') into definition; execute definition; end $do$`,
    check: "function_changed",
    where: /was changed: source/u,
    kind: "parts",
  },
  {
    what: "C03 the configuration's own capture",
    sql: `do $do$ declare definition text; begin
      select replace(pg_get_functiondef(to_regproc(${capture("audit_chain_config")})), 'RETURN NULL;', 'RETURN  NULL;') into definition; execute definition; end $do$`,
    check: "function_changed",
    where: /audit_chain_capture_8894f527871b6a30\(\) was changed: source/u,
  },
  {
    what: "C03 a capture function with other settings",
    sql: `do $$ begin execute 'alter function ' || ${capture("sealed_track")} || '() set "TimeZone" = ''Asia/Tokyo'''; end $$`,
    check: "function_changed",
    where: /was changed: settings$/u,
    kind: "sealed_track",
  },
  {
    what: "C03 a detached table's capture function",
    sql: `do $$ begin execute 'alter function ' || ${capture("was_attached")} || '() security invoker'; end $$`,
    check: "function_changed",
    where: /was changed: attributes$/u,
    kind: "was_attached",
  },
  {
    what: "C02 another default of an argument, in the catalog",
    sql: `create cast (text as pg_node_tree) without function;
      update pg_proc set proargdefaults = replace(proargdefaults::text, '[ 1 0', '[ 0 0')::pg_node_tree where proname like 'audit\\_chain%' and proargdefaults::text like '%[ 1 0%';
      drop cast (text as pg_node_tree)`,
    check: "function_changed",
    where: /was changed: arguments$/u,
  },
  {
    what: "C02 overload a builtin function that capture and the verifier call",
    sql: `set allow_system_table_mods = on; create function pg_catalog.concat(text) returns text language sql as $$select 'x'::text$$;
      create function pg_catalog.concat("char") returns text language sql as $$select 'x'::text$$`,
    check: "function_changed",
    where: /^the function pg_catalog\.concat\(text\) is not PostgreSQL's own, and/u,
  },
];

export const ON_RELATIONS: readonly Attack[] = [
  {
    what: "B16 put a virtual column in the place of a covered one",
    sql: "alter table public.strict_refuse drop column body; alter table public.strict_refuse add column body text generated always as ('text ' || id) virtual",
    check: "relation_changed",
    where: /^the column body of public\.strict_refuse is generated, and was recorded as a plain one$/u,
    kind: "strict_refuse",
  },
  {
    what: "B16 call a covered column a generated one",
    sql: "update pg_attribute set attgenerated = 's' where attrelid = 'public.sealed_track'::regclass and attname = 'note'",
    check: "relation_changed",
    where: /^the column note of public\.sealed_track is generated/u,
    kind: "sealed_track",
  },
  {
    what: "B16 give a covered column another layout than its type's",
    sql: "update pg_attribute set attalign = 'd' where attrelid = 'public.sealed_track'::regclass and attname = 'note'",
    check: "relation_changed",
    where: /^the column note of public\.sealed_track is not stored as its type is$/u,
    kind: "sealed_track",
  },
  {
    what: "C05 row security on the chain",
    sql: "alter table public.audit_chain enable row level security",
    check: "relation_changed",
    where: /^public\.audit_chain: it has row security$/u,
  },
  {
    what: "C05 forced row security on pending",
    sql: "alter table public.audit_chain_pending force row level security",
    check: "relation_changed",
    where: /^public\.audit_chain_pending: it has row security$/u,
  },
  {
    what: "C05 a policy on the chain",
    sql: "create policy hide on public.audit_chain using (seq < 10)",
    check: "relation_changed",
    where: /^public\.audit_chain: it has the policy hide$/u,
  },
  {
    what: "C05 a rule on the chain",
    sql: "create rule nothing as on insert to public.audit_chain do instead nothing",
    check: "relation_changed",
    where: /^public\.audit_chain: it has the rule nothing$/u,
  },
  {
    what: "C05 an inheritance child of the chain",
    sql: "create table public.more () inherits (public.audit_chain)",
    check: "relation_changed",
    where: /^public\.audit_chain: it has the child more$/u,
  },
  {
    what: "C05 the chain as a child",
    sql: "create table public.base (seq bigint not null); alter table public.audit_chain inherit public.base",
    check: "relation_changed",
    where: /^public\.audit_chain: it has the parent base$/u,
  },
  {
    what: "C05 the chain UNLOGGED",
    sql: "alter table public.audit_chain set unlogged",
    check: "relation_changed",
    where: /^public\.audit_chain: it is another kind of relation$/u,
  },
  {
    what: "C05 the configuration UNLOGGED",
    sql: "alter table public.audit_chain_config set unlogged",
    check: "relation_changed",
    where: /^public\.audit_chain_config: it is another kind/u,
  },
  {
    what: "C05 the ticket LOGGED",
    sql: "alter table public.audit_chain_ticket set logged",
    check: "relation_changed",
    where: /^public\.audit_chain_ticket: it is another kind/u,
  },
  {
    what: "C05 a trigger of somebody's on the chain",
    sql: "create function public.t() returns trigger language plpgsql as 'begin return null; end'; create trigger swallow before insert on public.audit_chain for each row execute function public.t()",
    check: "relation_changed",
    where: /^public\.audit_chain has a trigger that does not belong to the audit chain: swallow$/u,
  },
  {
    what: "C05 a trigger of somebody's on pending, marked internal",
    sql: "create function public.t() returns trigger language plpgsql as 'begin return null; end'; create trigger swallow before insert on public.audit_chain_pending for each row execute function public.t(); update pg_trigger set tgisinternal = true where tgname = 'swallow'",
    check: "relation_changed",
    where: /^public\.audit_chain_pending has a trigger that does not belong/u,
  },
  {
    what: "C05 a column's default",
    sql: "alter table public.audit_chain alter column appended_at set default '2020-01-01'",
    check: "relation_changed",
    where: /^public\.audit_chain: the column appended_at was changed$/u,
  },
  {
    what: "C05 a column without NOT NULL",
    sql: "alter table public.audit_chain alter column event_kind drop not null",
    check: "relation_changed",
    where: /the column event_kind was changed$/u,
  },
  {
    what: "C05 a column of another collation",
    sql: `alter table public.audit_chain alter column event_pk type text collate "POSIX"`,
    check: "relation_changed",
    where: /the column event_pk was changed$/u,
  },
  {
    what: "C05 one more column",
    sql: "alter table public.audit_chain_pending add column extra text",
    check: "relation_changed",
    where: /^public\.audit_chain_pending: the column extra was added$/u,
  },
  {
    what: "C05 an identity column that can be written",
    sql: "alter table public.audit_chain_pending alter column id set generated by default",
    check: "relation_changed",
    where: /the column id was changed$/u,
  },
  {
    what: "C05 a constraint dropped",
    sql: "alter table public.audit_chain drop constraint audit_chain_hash_check",
    check: "relation_changed",
    where: /the constraint audit_chain_hash_check is missing$/u,
  },
  {
    what: "C05 a constraint NOT VALID",
    sql: "update pg_constraint set convalidated = false where conname = 'audit_chain_seq_check'",
    check: "relation_changed",
    where: /the constraint audit_chain_seq_check was changed$/u,
  },
  {
    what: "C05 a weaker constraint",
    sql: "alter table public.audit_chain drop constraint audit_chain_seq_check; alter table public.audit_chain add constraint audit_chain_seq_check check (seq >= 0)",
    check: "relation_changed",
    where: /the constraint audit_chain_seq_check was changed$/u,
  },
  {
    // pg_get_expr prints the operator, and so the same as before; the server calls the function.
    what: "C05 a constraint whose operator calls another function",
    sql: `create cast (text as pg_node_tree) without function;
      update pg_constraint set conbin = replace(conbin::text, ':opfuncid 65', ':opfuncid 144')::pg_node_tree where conname = 'audit_chain_hash_check';
      drop cast (text as pg_node_tree)`,
    check: "relation_changed",
    where: /the constraint audit_chain_hash_check was changed$/u,
  },
  {
    what: "C05 a default that is another's",
    sql: "update pg_attrdef as d set adbin = (select adbin from pg_attrdef where adrelid = 'public.audit_chain_pending'::regclass and adbin::text like '%:funcid 5059%') from pg_attribute as a where a.attrelid = d.adrelid and a.attnum = d.adnum and a.attname = 'staged_at' and a.attrelid = 'public.audit_chain_pending'::regclass",
    check: "relation_changed",
    where: /the column staged_at was changed$/u,
  },
  {
    what: "C05 an index of part of the rows",
    sql: `create cast (text as pg_node_tree) without function;
      update pg_index set indpred = replace(indpred::text, ':opfuncid 67', ':opfuncid 157')::pg_node_tree where indexrelid = 'public.audit_chain_pending_xid_idx'::regclass;
      drop cast (text as pg_node_tree)`,
    check: "index_mismatch",
    where: /the index audit_chain_pending_xid_idx was changed$/u,
  },
  {
    what: "C05 a constraint more",
    sql: "alter table public.audit_chain add check (event_kind <> 'parts') not valid",
    check: "relation_changed",
    where: /the constraint audit_chain_event_kind_check was added$/u,
  },
  {
    what: "C05 a unique index more, with an expression",
    sql: "create unique index on public.audit_chain_pending ((lower(event_pk)), id)",
    check: "relation_changed",
    where: /^public\.audit_chain_pending: the index .* was added$/u,
  },
  {
    what: "C05 a table missing",
    sql: "drop table public.audit_chain_relation cascade",
    check: "relation_changed",
    where: /^public\.audit_chain_relation is missing$/u,
  },
  {
    what: "C05 a view in a table's place",
    sql: "alter table public.audit_chain_relation rename to hidden; create view public.audit_chain_relation as select * from public.hidden",
    check: "relation_changed",
    where: /^public\.audit_chain_relation: it is another kind/u,
  },
  {
    what: "C05 an audited table UNLOGGED",
    sql: "alter table public.strict_refuse set unlogged",
    check: "relation_changed",
    where: /^public\.strict_refuse is unlogged/u,
    kind: "strict_refuse",
  },
  {
    what: "C05 a partition UNLOGGED",
    sql: "alter table public.parts_old set unlogged",
    check: "relation_changed",
    where: /^public\.parts_old, a partition of public\.parts, is unlogged/u,
    kind: "parts",
  },
  {
    what: "C05 a rule on an audited table",
    sql: "create rule elsewhere as on insert to public.strict_refuse do instead nothing",
    check: "relation_changed",
    where: /^public\.strict_refuse has the rule elsewhere/u,
    kind: "strict_refuse",
  },
  {
    what: "C05 a rule on a partition",
    sql: "create rule elsewhere as on insert to public.parts_new_1 do instead nothing",
    check: "relation_changed",
    where: /^public\.parts_new_1, a partition of public\.parts, has the rule elsewhere/u,
    kind: "parts",
  },
  {
    what: "C05 an audited table as a partition",
    sql: "create table public.whole (id bigint, body text, extra jsonb) partition by list (id); alter table public.strict_refuse drop constraint strict_refuse_pkey cascade; alter table public.whole attach partition public.strict_refuse default",
    check: "relation_changed",
    where: /^public\.strict_refuse has become a partition/u,
    kind: "strict_refuse",
  },
  {
    what: "B11 an inheritance child of an audited table",
    sql: "create table public.heir () inherits (public.sealed_track); insert into public.heir values (99)",
    check: "relation_changed",
    where: /^public\.sealed_track has the inheritance child public\.heir/u,
    kind: "sealed_track",
  },
  {
    what: "C04 everyone may read the secrets of blinded keys",
    sql: "grant select on public.audit_chain_secret to public",
    check: "privilege_widened",
    where: /^everyone has SELECT on public\.audit_chain_secret$/u,
  },
  {
    what: "C04 the read-only role may read the secrets of blinded keys",
    sql: "grant select on public.audit_chain_secret to scidex_audit_ro",
    check: "privilege_widened",
    where: /^scidex_audit_ro has SELECT on public\.audit_chain_secret$/u,
  },
  {
    what: "C03 captures plain keys where they are blinded",
    sql: `do $$ declare f text := pg_get_functiondef(concat('public.', public.audit_chain_capture_name('blinded'), '()')::regprocedure);
      begin execute regexp_replace(f, 'public\\.audit_chain_blind_key\\(\\(SELECT.*?\\), (CASE.*?END)\\)', '\\1', 'g'); end $$`,
    check: "function_changed",
    where: /capture/u,
    kind: "blinded",
  },
  {
    what: "C04 another owner of the chain",
    sql: "alter table public.audit_chain owner to postgres",
    check: "privilege_widened",
    where: /^public\.audit_chain: it has another owner$/u,
  },
  {
    what: "C09 deny in the catalog that the chain has indexes",
    sql: "update pg_class set relhasindex = false where oid = 'public.audit_chain'::regclass",
    check: "index_mismatch",
    where: /^public\.audit_chain: no index is used or kept up to date/u,
  },
  {
    what: "C05 deny in the catalog that the chain has checks",
    sql: "update pg_class set relchecks = 0 where oid = 'public.audit_chain'::regclass",
    check: "relation_changed",
    where: /^public\.audit_chain: the server does not hold rows against its checks/u,
  },
];

export const ON_CATALOG: readonly Attack[] = [
  {
    what: "C09 another output function of a builtin type",
    sql: "update pg_type set typoutput = 'varcharout'::regproc where typname = 'text'",
    check: "catalog_changed",
    where: /^the type text is not PostgreSQL's own any more \(pg_type, row 25\)$/u,
  },
  {
    what: "C09 another send function",
    sql: "update pg_type set typsend = 'textsend'::regproc where typname = 'bytea'",
    check: "catalog_changed",
    where: /^the type bytea/u,
  },
  {
    what: "C09 an enum of an audited table",
    sql: "create function app.out(app.mood) returns cstring language internal immutable strict as 'int4out'; update pg_type set typoutput = 'app.out'::regproc where typname = 'mood'",
    check: "catalog_changed",
    where: /^the type app\.mood of app\.Odd "name"\.\w+ is read or written by functions that are not its own$/u,
    kind: "odd",
  },
  {
    what: "C09 a domain",
    sql: "update pg_type set typoutput = 'varcharout'::regproc where typname = 'short'",
    check: "catalog_changed",
    where: /^the type app\.short of/u,
    kind: "odd",
  },
  {
    what: "C09 an enum within a composite within an audited table",
    sql: "create type app.inner as enum ('a'); create type app.middle as (i app.inner[]); alter type app.pair add attribute n app.middle cascade; update pg_type set typsend = 'byteasend'::regproc where typname = 'inner'",
    check: "catalog_changed",
    where: /^the type app\.inner of/u,
  },
  {
    what: "C09 an array of ranges",
    sql: "update pg_type set typoutput = 'textout'::regproc where typname = '_span'",
    check: "catalog_changed",
    where: /^the type app\.span\[\] of/u,
  },
  {
    what: "C09 a range",
    sql: "update pg_type set typreceive = 'record_recv'::regproc where typname = 'span'",
    check: "catalog_changed",
    where: /^the type app\.span of/u,
  },
  {
    what: "C09 an operator",
    sql: "update pg_operator set oprcode = 'int8ne'::regproc where oprname = '=' and oprleft = 'int8'::regtype and oprright = 'int8'::regtype",
    check: "catalog_changed",
    where: /^the operator = is not PostgreSQL's own any more \(pg_operator, row 410\)$/u,
  },
  {
    what: "C09 an operator class",
    sql: "update pg_opclass set opcdefault = false where opcname = 'text_ops' and opcmethod = 403",
    check: "catalog_changed",
    where: /^the operator class btree text_ops pg_catalog is not PostgreSQL's own any more/u,
  },
  {
    what: "C09 an operator of the family",
    sql: "update pg_amop set amopopr = 411 where amopfamily = 1976 and amoplefttype = 20 and amoprighttype = 20 and amopstrategy = 5",
    check: "catalog_changed",
    where: /^the operator of an operator family integer_ops int8 int8 5 is not PostgreSQL's own any more/u,
  },
  {
    what: "C09 a comparison function",
    sql: "update pg_amproc set amproc = 'btequalimage'::regproc where amprocfamily = 1994 and amproclefttype = 25 and amprocrighttype = 25 and amprocnum = 4",
    check: "catalog_changed",
    where: /^the function of an operator family text_ops text text 4 is not PostgreSQL's own any more/u,
  },
  {
    what: "C09 an aggregate that calls somebody's function",
    sql: "create function public.count_less(bigint) returns bigint language sql immutable as 'select $1'; update pg_aggregate set aggtransfn = 'public.count_less'::regproc where aggfnoid = 'count()'::regprocedure",
    check: "catalog_changed",
    where: /^the aggregate count is not PostgreSQL's own any more \(pg_aggregate, row 2803\)$/u,
  },
  {
    what: "C09 the view of roles",
    sql: "set allow_system_table_mods = on; create or replace view pg_catalog.pg_roles as select rolname, false as rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, '********'::text as rolpassword, rolvaliduntil, rolbypassrls, setconfig as rolconfig, pg_authid.oid from pg_authid left join pg_db_role_setting as s on pg_authid.oid = setrole and setdatabase = 0",
    check: "catalog_changed",
    where: /^the server does not run what it was asked for: .*select r\.oid as c0, r\.rolname/u,
  },
  {
    what: "C09 an index not ready",
    sql: "update pg_index set indisready = false where indexrelid = 'public.audit_chain_pkey'::regclass",
    check: "index_mismatch",
    where: /^public\.audit_chain: the index audit_chain_pkey is not ready for inserts$/u,
  },
  {
    what: "C09 an index not valid",
    sql: "update pg_index set indisvalid = false where indexrelid = 'public.audit_chain_event_key'::regclass",
    check: "index_mismatch",
    where: /^public\.audit_chain: the index audit_chain_event_key is not valid$/u,
  },
  {
    what: "C09 an index gone",
    sql: "alter table public.audit_chain drop constraint audit_chain_event_key",
    check: "index_mismatch",
    where: /^public\.audit_chain: the index audit_chain_event_key is missing$/u,
  },
  {
    what: "C09 an index that is not unique any more",
    sql: "update pg_index set indisunique = false where indexrelid = 'public.audit_chain_pkey'::regclass",
    check: "index_mismatch",
    where: /the index audit_chain_pkey was changed$/u,
  },
  {
    what: "C09 a row that an index does not have",
    sql: "set session_replication_role = replica; update pg_index set indisready = false where indexrelid = 'public.audit_chain_event_key'::regclass; insert into public.audit_chain select seq + 1, 'x', 'x', payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at from public.audit_chain order by seq desc limit 1; update pg_index set indisready = true where indexrelid = 'public.audit_chain_event_key'::regclass",
    check: "index_mismatch",
    where: /^the index audit_chain_event_key does not have the rows of public\.audit_chain$/u,
  },
  {
    what: "C10 a database's search path",
    sql: "create schema evil; create table evil.strict_refuse (id int); do $$ begin execute format('alter database %I set search_path = evil, public', current_database()); end $$",
    check: "relation_shadowed",
    where: /^everyone in this database gets evil\.strict_refuse instead of public\.strict_refuse/u,
    kind: "strict_refuse",
  },
  {
    what: "C10 a database's search path without public",
    sql: "create schema evil; create view evil.audit_chain as select * from public.audit_chain; do $$ begin execute format('alter database %I set search_path = \"evil\"', current_database()); end $$",
    check: "relation_shadowed",
    where: /gets evil\.audit_chain instead of public\.audit_chain/u,
  },
  {
    what: "C10 a schema named after a role",
    sql: "create schema postgres; create table postgres.parts (id int)",
    check: "relation_shadowed",
    where: /^the role postgres gets postgres\.parts instead of public\.parts/u,
    kind: "parts",
  },
  {
    what: "C10 a table in pg_catalog",
    sql: "set allow_system_table_mods = on; create table pg_catalog.sealed_track (id int)",
    check: "relation_shadowed",
    where: /gets pg_catalog\.sealed_track instead of public\.sealed_track/u,
    kind: "sealed_track",
  },
  {
    what: "C10 a door in a schema named after a role",
    sql: "create schema postgres; create function postgres.audit_chain_append(kind text, pk text, hash bytea) returns void language sql as ''",
    check: "relation_shadowed",
    where: /^the role postgres gets the function postgres\.audit_chain_append instead/u,
  },
  {
    what: "C10 give a function a search path of its own",
    sql: `create schema evil; create table evil.strict_refuse (id bigint);
      create function public.writes() returns void language sql set search_path = evil, public as 'select'`,
    check: "relation_shadowed",
    where: /^the function public\.writes gets evil\.strict_refuse instead of public\.strict_refuse/u,
    kind: "strict_refuse",
  },
  {
    what: "C02 let another function run what is written in PL/pgSQL",
    sql: "update pg_language set lanplcallfoid = 'pg_catalog.pg_advisory_unlock_all()'::regprocedure where lanname = 'plpgsql'",
    check: "catalog_changed",
    where: /^the language plpgsql is not PostgreSQL's own any more/u,
  },
  {
    what: "C02 give what runs PL/pgSQL another symbol",
    sql: "update pg_proc set prosrc = 'plpgsql_validator' where proname = 'plpgsql_call_handler'",
    check: "catalog_changed",
    where: /^the function plpgsql_call_handler is not PostgreSQL's own any more/u,
  },
  {
    what: "C09 put a copy in the place of a catalog, and drop a trigger behind it",
    sql: `create table public.kept as select * from pg_trigger; grant select on public.kept to public;
      create view public.stand_in as select * from public.kept; grant select on public.stand_in to public;
      drop trigger audit_chain_capture on public.strict_refuse;
      update pg_class set relname = 'pg_trigger_true' where oid = 2620;
      update pg_class set relname = 'pg_trigger', relnamespace = 11 where oid = 'public.stand_in'::regclass`,
    check: "catalog_changed",
    where: /^the server does not run what it was asked for: /u,
  },
  {
    what: "C14 rename a catalog's column, so that the catalog cannot be read",
    sql: "update pg_attribute set attname = 'castfunc_true' where attrelid = 'pg_cast'::regclass and attname = 'castfunc'",
    check: "catalog_changed",
    where: /^the column castfunc_true of pg_cast is not PostgreSQL's own any more \(pg_attribute, row 2605 4\)$/u,
  },
  {
    what: "C09 count with another function, so that an index that lacks rows seems whole",
    sql: "update pg_aggregate set aggtransfn = 'int8dec'::regproc where aggfnoid = 'count()'::regprocedure",
    check: "catalog_changed",
    where: /^the aggregate count is not PostgreSQL's own any more \(pg_aggregate, row 2803\)$/u,
  },
];
