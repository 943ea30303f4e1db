import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogin } from "@scidex/audit-testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Divergence } from "../src/index.ts";
import { append, type ChainDatabase, linesOf, openChain, ORIGIN, writeLines } from "./chain-database.ts";

import { finish, prepared, run, start } from "./command.ts";

const FOUR = ["--checks", "links,heads,sources,coverage"];

async function loginOf(chain: ChainDatabase, ...grant: string[]) {
  const login = await createLogin(chain.sql, { grant });
  onTestFinished(async () => await login.drop());
  return { AUDIT_DATABASE_URL: login.url };
}

// A process takes a second to start, and several where the machine is busy.
describe("audit-verify", { timeout: 180_000 }, () => {
  it("ends with 0 and the contract's report when everything holds", async () => {
    const chain = await prepared();
    const { exit, stdout, stderr } = await run(chain, ["--json", ...FOUR]);
    expect([exit, stderr]).toEqual([0, ""]);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toMatchObject({
      status: "intact",
      range: { from: 1, to: 10 },
      rows: 10,
      head: {
        seq: 10,
        chain_hash: expect.stringMatching(/^[0-9a-f]{64}$/u),
        appended_at: expect.stringMatching(/\.\d{6}Z$/u),
      },
      anchored_to: 10,
      unanchored: 0,
      pending: 0,
      events_without_source: 4,
      first_divergence: null,
      divergences: [],
      divergence_count: 0,
      checks: { links: "ok", heads: "ok", sources: "ok", access: "skipped", coverage: "ok", structure: "skipped" },
      warnings: [],
      duration_ms: expect.any(Number),
      origin: ORIGIN,
      keys: chain.vkeys.map((vkey) => {
        const [name, id] = vkey.split("+");
        return { name, id };
      }),
      database: { host: expect.any(String), port: expect.any(Number), name: chain.name },
      started_at: expect.stringMatching(/^20.*Z$/u),
      verifier: expect.stringMatching(/^\d+\.\d+\.\d+/u),
    });
    const human = await run(chain, FOUR);
    expect([human.exit, human.stdout]).toEqual([0, expect.stringContaining("INTACT: 10 links, 1 to 10")]);
  });

  it("ends with 1 when something was found, and names it", async () => {
    const chain = await prepared();
    await chain.attack(
      "update public.note set body = E'\\x1b[31m' where id = 2; insert into public.note values (77, null)",
    );
    const { exit, stdout } = await run(chain, ["--json", ...FOUR]);
    expect(exit).toBe(1);
    const { first_divergence } = JSON.parse(stdout) as { first_divergence: Divergence };
    expect(first_divergence).toMatchObject({
      check: "source_edited",
      group: "sources",
      seq: 3,
      event_kind: "note",
      event_pk: "2",
    });
    await chain.attack("update public.audit_chain set event_pk = E'\\x1b[31m\\u009b' where seq = 3");
    const human = await run(chain, FOUR);
    expect(human.exit).toBe(1);
    expect(human.stdout).toContain("\\u001b[31m\\u009b");
    expect(human.stdout).not.toMatch(/[\u001b\u009b]/u);
  });

  it("ends with 2 for options that are wrong", async () => {
    const chain = await openChain();
    const wrong = [
      ["--checks", "nonsense"],
      ["--from", "0"],
      ["--from", "9", "--to", "3"],
      ["--from", "99999999999999999999"],
      ["--shard", "3/2"],
      ["--shard", "1"],
      ["--policy", "/nowhere/policy.json"],
      ["--max-head-age", "soon"],
      ["--unknown"],
    ];
    const exits = await Promise.all(wrong.map(async (args) => (await run(chain, args)).exit));
    expect(exits).toEqual(wrong.map(() => 2));
  });

  it("ends with 2 for what is wrong in the environment", async () => {
    const chain = await openChain();
    const wrong = [
      { AUDIT_SINKS: "ftp://x" },
      { AUDIT_SINKS: `file:${chain.folder}/a.log,file://${chain.folder}/a.log` },
      { AUDIT_VERIFIER_KEYS: "/nowhere" },
      { AUDIT_VERIFIER_KEYS: "a+b+c" },
      { AUDIT_DATABASE_URL: "mysql://x" },
      { AUDIT_MAX_HEAD_AGE: "x" },
    ];
    const exits = await Promise.all(wrong.map(async (environment) => (await run(chain, [], environment)).exit));
    expect(exits).toEqual(wrong.map(() => 2));
  });

  it("ends with 3 when it cannot do or cannot check it", async () => {
    const chain = await prepared();
    const noRights = await loginOf(chain);
    for (const [args, environment] of [
      [FOUR, { AUDIT_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" }],
      [FOUR, { AUDIT_SINKS: "" }],
      [FOUR, { AUDIT_VERIFIER_KEYS: "" }],
      [FOUR, { AUDIT_SINKS: `file:${chain.folder}/missing/log` }],
      [FOUR, noRights],
    ] as const) {
      const { exit, stdout } = await run(chain, args, environment);
      expect([exit, stdout.includes("INTACT"), stdout.includes("TAMPERED")]).toEqual([3, false, false]);
    }
    expect((await run(chain, [...FOUR, "--allow-unanchored"], { AUDIT_SINKS: "" })).exit).toBe(0);
  });

  it("ends with 3 when something throws inside", async () => {
    const chain = await prepared();
    const bomb = join(chain.folder, "bomb.mjs");
    writeFileSync(
      bomb,
      "const sort = Array.prototype.toSorted; Array.prototype.toSorted = function (...a) { if (new Error().stack.includes('check-tables')) throw new TypeError('thrown inside'); return sort.apply(this, a); };",
    );
    const { exit, stderr, stdout } = await run(chain, ["--json", ...FOUR], { NODE_OPTIONS: `--import=file://${bomb}` });
    expect([exit, stderr]).toEqual([3, expect.stringContaining("thrown inside")]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringContaining("thrown inside") } });
  });

  it("needs no more than scidex_audit_ro for links and heads, and the inspector for the rest", async () => {
    const chain = await prepared();
    const ro = await loginOf(chain, "scidex_audit_ro");
    expect((await run(chain, ["--checks", "links,heads"], ro)).exit).toBe(0);
    expect((await run(chain, FOUR, ro)).exit).toBe(3);
    const inspector = await loginOf(chain, "scidex_audit_inspector");
    expect((await run(chain, FOUR, inspector)).exit).toBe(0);
  });

  it("writes nothing to the database", async () => {
    const chain = await prepared();
    await chain.sql`select pg_stat_force_next_flush()`;
    const writes = async () => {
      await sleep(300);
      return await chain.sql`select sum(n_tup_ins + n_tup_upd + n_tup_del)::text as n, (select pg_current_wal_insert_lsn() is not null) from pg_stat_user_tables`;
    };
    const before = await writes();
    expect((await run(chain, FOUR)).exit).toBe(0);
    expect(await writes()).toEqual(before);
  });

  it("remembers the sinks in its state file, and finds one that was cut back", async () => {
    const chain = await prepared();
    await sleep(1100);
    await chain.publish();
    const state = join(chain.folder, "state.json");
    expect((await run(chain, [...FOUR, "--state", state])).exit).toBe(0);
    expect(JSON.parse(readFileSync(state, "utf8"))).toMatchObject({ version: 1 });
    const before = readFileSync(state, "utf8");
    for (const path of chain.paths) writeLines(path, linesOf(path).slice(0, 1));
    expect((await run(chain, FOUR)).exit).toBe(0);
    for (let n = 0; n < 2; n++) {
      const { exit, stdout } = await run(chain, [...FOUR, "--json", "--state", state]);
      expect([exit, stdout]).toEqual([1, expect.stringContaining("sink_rewound")]);
    }
    expect(readFileSync(state, "utf8")).toBe(before);
    writeFileSync(state, "nonsense");
    expect((await run(chain, [...FOUR, "--state", state])).exit).toBe(2);
  });

  it("holds the database against a policy", async () => {
    const chain = await prepared();
    const policy = join(chain.folder, "policy.json");
    const write = (table: object) =>
      writeFileSync(
        policy,
        JSON.stringify({
          origin: ORIGIN,
          tables: { "public.note": { kind: "note", key: ["id"], exclude: [], changes: "refuse", ...table } },
          detached: {},
        }),
      );
    write({});
    expect((await run(chain, [...FOUR, "--policy", policy])).exit).toBe(0);
    for (const table of [{ kind: "other" }, { key: ["body"] }]) {
      write(table);
      expect((await run(chain, [...FOUR, "--json"], { AUDIT_POLICY: policy })).stdout).toContain("coverage_narrowed");
    }
    await chain.sql`select public.audit_chain_complete('public.note', false)`;
    await chain.sql`select public.audit_chain_complete('public.note')`;
    write({});
    expect((await run(chain, [...FOUR, "--policy", policy])).exit).toBe(1);
    write({ readmit: true });
    expect((await run(chain, [...FOUR, "--policy", policy])).exit).toBe(0);
    await chain.sql`select public.audit_chain_attach('public.note', exclude => array['body'])`;
    expect((await run(chain, [...FOUR, "--policy", policy])).exit).toBe(1);
    write({ readmit: true, exclude: ["body"] });
    expect((await run(chain, [...FOUR, "--policy", policy])).exit).toBe(0);
  });

  it("writes the report as a page, whatever the verdict is, and changes neither exit code nor output", async () => {
    const chain = await prepared();
    const file = join(chain.folder, "audit.html");
    const intact = await run(chain, [...FOUR, "--report", file]);
    expect([intact.exit, intact.stderr]).toEqual([0, ""]);
    expect(intact.stdout).toContain("INTACT: 10 links");
    const page = readFileSync(file, "utf8");
    for (const text of ["<!doctype html>", "Intact</h1>", "public.note", "a.log</bdi>", "</html>\n"])
      expect(page).toContain(text);
    expect(page).toContain(chain.name);
    expect(page).not.toMatch(/password|postgres:\/\//u);

    await chain.attack(
      "update public.note set body = 'edited' where id = 2; insert into public.note values (77, '<script>alert(1)</script>')",
    );
    const tampered = await run(chain, [...FOUR, "--json", "--report", file]);
    expect([tampered.exit, tampered.stderr]).toEqual([1, ""]);
    const { first_divergence: found } = JSON.parse(tampered.stdout) as { first_divergence: Divergence };
    const after = readFileSync(file, "utf8");
    expect(after).toContain("Tampered");
    for (const text of [
      "source_edited",
      "Link 3",
      found.expected ?? "none",
      found.actual ?? "none",
      "source_unchained",
    ])
      expect(after).toContain(text);

    const unproven = await run(chain, ["--checks", "links,heads", "--report", file], { AUDIT_SINKS: "" });
    expect(unproven.exit).toBe(3);
    for (const text of ["Not proven</h1>", "no sinks were given"]) expect(readFileSync(file, "utf8")).toContain(text);

    const away = { AUDIT_DATABASE_URL: "postgres://nobody:s3cret@127.0.0.1:1/none" };
    expect((await run(chain, ["--report", file], away)).exit).toBe(3);
    for (const text of ["Not verified</h1>", "cannot connect to"]) expect(readFileSync(file, "utf8")).toContain(text);
    expect(readFileSync(file, "utf8")).not.toContain("s3cret");
    expect(readdirSync(chain.folder).filter((name) => name.includes("audit.html"))).toEqual(["audit.html"]);
  });

  it.each(["--report", "--state"])(
    "says before it verifies anything that the file of %s cannot be written, and replaces nothing that is no file",
    async (option) => {
      const chain = await openChain();
      const folder = join(chain.folder, "folder");
      mkdirSync(folder);
      const away = { AUDIT_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
      for (const path of [join(chain.folder, "missing", "audit.html"), folder, "/dev/null", "/proc/audit.html"]) {
        const { exit, stderr } = await run(chain, [option, path], away);
        expect([exit, stderr]).toEqual([2, expect.stringContaining(option)]);
        expect(stderr).toContain(path);
      }
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it("follows a link to the page, and keeps it", async () => {
    const chain = await prepared();
    const link = join(chain.folder, "newest.html");
    writeFileSync(join(chain.folder, "page.html"), "old");
    symlinkSync("page.html", link);
    expect((await run(chain, [...FOUR, "--report", link])).exit).toBe(0);
    expect(readFileSync(join(chain.folder, "page.html"), "utf8")).toContain("Intact");
    expect(
      readdirSync(chain.folder, { withFileTypes: true })
        .find(({ name }) => name === "newest.html")
        ?.isSymbolicLink(),
    ).toBe(true);
  });

  it.each(["--report", "--state"])(
    "still ends with 1 for a finding, and with 3 without one, where the file of %s fails at the end",
    async (option) => {
      const chain = await prepared();
      const bomb = join(chain.folder, "bomb.mjs");
      // The disk is full by then.
      writeFileSync(
        bomb,
        "import fs from 'node:fs/promises'; import { syncBuiltinESMExports } from 'node:module'; fs.rename = async () => { throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }); }; syncBuiltinESMExports();",
      );
      const file = join(chain.folder, "written");
      const broken = async () => await run(chain, [...FOUR, option, file], { NODE_OPTIONS: `--import=file://${bomb}` });
      expect(await broken()).toMatchObject({ exit: 3, stderr: expect.stringContaining("no space left") });
      await chain.attack("update public.note set body = 'edited' where id = 2");
      expect(await broken()).toMatchObject({
        exit: 1,
        stdout: expect.stringContaining("source_edited"),
        stderr: expect.stringContaining("no space left"),
      });
      expect(readdirSync(chain.folder).filter((name) => name.includes("written"))).toEqual([]);
    },
  );

  it("ends at once when it is interrupted, and leaves nothing behind", async () => {
    const chain = await prepared();
    await chain.attack(`insert into public.audit_chain select n, 'thing', n::text, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at
                          from public.audit_chain, generate_series(100, 300000) as n where seq = 9`);
    const state = join(chain.folder, "state.json");
    const child = start(chain, [...FOUR, "--state", state]);
    const ended = finish(child);
    for (;;) {
      const rows =
        await chain.sql`select from pg_stat_activity where datname = current_database() and application_name = 'audit-verify' and query like 'copy%'`;
      if (rows.length > 0) break;
      await sleep(20);
    }
    child.kill("SIGINT");
    expect((await ended).exit).toBe(3);
    expect(existsSync(state)).toBe(false);
  });

  it("says so in one line when the server ends its sessions, whatever they were doing, and is never sure then", async () => {
    const chain = await prepared();
    let lost = 0;
    for (let pause = 0; lost < 4 || pause < 200; pause += 20) {
      const child = start(chain, [...FOUR, "--json"]);
      const ended = finish(child);
      const sessions = async (what: string) =>
        await chain.sql.unsafe(
          `select ${what} from pg_stat_activity where datname = current_database() and application_name = 'audit-verify'`,
        );
      while (child.exitCode === null && (await sessions("pid")).length === 0);
      await sleep(pause % 200);
      await sessions("pg_terminate_backend(pid)");
      const { exit, stdout, stderr } = await ended;
      if (exit === 0) continue;
      lost++;
      expect(exit).toBe(3);
      expect(stderr).toMatch(/^error: (?:the connection to the database was lost|cannot connect) [^\n]*\n$/u);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: "unavailable" } });
    }
  });

  it("ends, too, when a session is lost that waits for a table whose events the other one has read", async () => {
    const chain = await openChain();
    const { sql } = chain;
    await sql`create table public.todo (id int primary key, done boolean not null default false)`;
    await sql`select public.audit_chain_attach('public.todo', mode => 'strict', changes => 'track')`;
    await sql`insert into public.todo select n from generate_series(1, 4800) as n`;
    // A table with changes is compared in order: its events come on one connection, its rows on the other.
    await sql`update public.todo set done = true where id = 1`;
    const holder = await sql.reserve();
    await holder`begin`;
    await holder`lock table public.todo in access exclusive mode`;
    const child = start(chain, ["--jobs", "1", "--allow-unanchored", "--checks", "links,sources"]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = finish(child);
    let waiting: { pid: number }[] = [];
    while (waiting.length === 0 && child.exitCode === null)
      waiting = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity
         where datname = current_database() and application_name = 'audit-verify' and wait_event_type = 'Lock'`;
    for (const { pid } of waiting) await sql`select pg_terminate_backend(${pid})`;
    await holder`rollback`;
    holder.release();
    expect(await ended).toMatchObject({
      exit: 3,
      stderr: expect.stringMatching(/^error: the connection .* was lost/u),
    });
  });
});

// A verification has fixed costs, and there are a dozen here.
describe("shards", { timeout: 180_000 }, () => {
  it("find together what a whole run finds", async () => {
    const chain = await prepared();
    for (let n = 5; n < 25; n++) {
      await append(chain.sql, "thing", String(n));
      if (n % 6 === 0) await chain.publish({ time: Math.floor(Date.now() / 1000) + n });
    }
    const places = (list: readonly Divergence[]) => list.map(({ check, seq, eventPk }) => `${check} ${seq} ${eventPk}`);
    const compare = async () => {
      const whole = await chain.verify();
      const union = new Set<string>();
      for (const number of [1, 2, 3])
        for (const place of places((await chain.verify({ shard: { number, of: 3 } })).divergences)) union.add(place);
      for (const place of places(whole.divergences)) expect(union).toContain(place);
      return { count: whole.divergenceCount, size: union.size };
    };
    expect(await compare()).toEqual({ count: 0, size: 0 });
    await chain.attack("update public.audit_chain set chain_hash = sha256('x') where seq in (12, 13, 18, 24)");
    expect((await compare()).count).toBeGreaterThan(4);
    await chain.attack("delete from public.audit_chain where seq in (12, 18, 19, 20, 24)");
    await chain.attack("delete from public.note where id = 4; insert into public.note values (99, 'past')");
    expect((await compare()).count).toBeGreaterThan(4);
  });
});
