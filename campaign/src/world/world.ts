import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publishHead, type PublishResult } from "@scidex/audit-publisher";
import postgres, { type Sql } from "postgres";
import { type Base, type Login, ORIGIN } from "./base.ts";
import { copyPlace, type Place, type SinkLog, sinkLogs } from "./place.ts";
import { type Ended, runProgram } from "./programs.ts";

/** What the verifier is given: by default both sinks and the state of its run before. */
export interface Trust {
  /** Options of `audit-verify`. */
  readonly args?: readonly string[];
  /** URLs of the sinks. */
  readonly sinks?: readonly string[];
  readonly hasState?: boolean;
  /** Variables that it has besides. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Verified in so many shards, whose reports are merged. */
  readonly shards?: number;
}

/** A copy of the base that one trial has for itself. */
export class World implements AsyncDisposable {
  readonly base: Base;
  readonly database: string;
  readonly place: Place;
  readonly logs: readonly [SinkLog, SinkLog];
  /** The attacker's session: a superuser's, in which neither capture nor guards fire. */
  readonly attacker: Sql;
  /** Everybody else, for whom they do. */
  readonly honest: Sql;
  /** Verifier keys that have come since the base was made. */
  readonly newKeys: string[] = [];
  /** What is to be ended before the database can go. */
  readonly running: AsyncDisposable[] = [];
  readonly #maintenance: Sql;

  private constructor(base: Base, database: string, place: Place, maintenance: Sql) {
    this.base = base;
    this.database = database;
    this.place = place;
    this.logs = sinkLogs(place);
    this.#maintenance = maintenance;
    const connect = (connection: Record<string, string>, max = 1): Sql =>
      postgres(base.url("superuser", database), { max, fetch_types: false, onnotice: () => {}, connection });
    this.attacker = connect({ session_replication_role: "replica", timezone: "UTC", allow_system_table_mods: "on" });
    this.honest = connect({}, 2);
  }

  static async copy(base: Base, name: string): Promise<World> {
    const maintenance = postgres(base.server.url, { max: 1, fetch_types: false, onnotice: () => {} });
    await maintenance.unsafe(`create database ${name} template ${base.template}`);
    const place = copyPlace(base.place, join(base.place.folder, "..", name), {
      template: base.template,
      database: name,
    });
    return new World(base, name, place, maintenance);
  }

  url(login: Login): string {
    return this.base.url(login, this.database);
  }

  /** Puts the base's rows in the place of this database: an older copy. Sessions end. */
  async restoreOlderCopy(): Promise<void> {
    await this.#maintenance.unsafe(`drop database ${this.database} with (force)`);
    await this.#maintenance.unsafe(`create database ${this.database} template ${this.base.template}`);
  }

  async publish(): Promise<PublishResult> {
    const database = postgres(this.url("publisher"), { max: 2, fetch_types: false, onnotice: () => {} });
    try {
      return await publishHead({ database, keyFile: this.place.keyFile, sinks: this.place.sinks, origin: ORIGIN });
    } finally {
      await database.end({ timeout: 1 });
    }
  }

  /** The publisher as a process. */
  async publishAsProcess(): Promise<Ended> {
    return await this.run("audit-publisher", "publisher", ["publish", "--json", "--wait", "1s"]);
  }

  /** The auditor approves what the chain's history shows, up to the newest published head. */
  async approve(): Promise<void> {
    await this.runWell("audit-chain", "inspector", ["policy", "--approve", this.place.policyFile]);
  }

  /** The auditor accepts what a verification finds: all of it. */
  async accept(): Promise<void> {
    const report = join(this.place.folder, "to-accept.json");
    writeFileSync(report, (await this.verify()).stdout);
    const args = ["accept", report, "--reason", "as it is", "--policy", this.place.policyFile];
    await this.runWell("audit-chain", "inspector", args);
  }

  /** The verifier as a process: the inspector's role, public keys, a pinned policy and its own state. */
  async verify(trust: Trust = {}): Promise<Ended> {
    const { policyFile, stateFile } = this.place;
    const { args = [], sinks = this.place.sinks, hasState = true, environment: more = {}, shards = 1 } = trust;
    const state = hasState ? ["--state", stateFile] : [];
    const environment = { AUDIT_SINKS: sinks.join(","), AUDIT_SHARD_SECRET: "a secret of this trial", ...more };
    const options = ["--policy", policyFile, ...state];
    if (shards === 1) return await this.run("audit-verify", "inspector", ["--json", ...options, ...args], environment);
    const files: string[] = [];
    for (let k = 1; k <= shards; k++) {
      const shard = ["--shard", `${k}/${shards}`, "--run", "trial", "--json", ...options, ...args];
      const ended = await this.run("audit-verify", "inspector", shard, environment);
      // One that has no report says why.
      if (!ended.stdout.includes('"shard":')) return ended;
      const file = join(this.place.folder, `shard-${k}.json`);
      writeFileSync(file, ended.stdout);
      files.push(file);
    }
    return await this.run(
      "audit-verify",
      "inspector",
      ["merge", "--run", "trial", "--json", ...options, ...files],
      environment,
    );
  }

  /** One of the programs, in the folder of what is outside the database. */
  async run(
    program: Parameters<typeof runProgram>[0],
    login: Login,
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const own = login === "publisher" ? { AUDIT_SIGNING_KEY_FILE: this.place.keyFile } : {};
    const environment = {
      AUDIT_DATABASE_URL: this.url(login),
      AUDIT_SINKS: this.place.sinks.join(","),
      AUDIT_VERIFIER_KEYS: [...this.base.vkeys, ...this.newKeys].join(","),
      AUDIT_ORIGIN: ORIGIN,
    };
    return await runProgram(program, args, { ...environment, ...own, ...more }, this.place.folder);
  }

  /** @throws {Error} where it does not end with 0 */
  async runWell(...run: Parameters<World["run"]>): Promise<string> {
    const { exit, stdout, stderr } = await this.run(...run);
    if (exit !== 0) throw new Error(`${run[0]} ${run[2].join(" ")}: exit ${exit}: ${stdout}${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.running.splice(0)) await one[Symbol.asyncDispose]();
    await Promise.all([this.attacker.end({ timeout: 1 }), this.honest.end({ timeout: 1 })]);
    await this.#maintenance.unsafe(`drop database if exists ${this.database} with (force)`);
    await this.#maintenance.end({ timeout: 1 });
    rmSync(this.place.folder, { recursive: true, force: true });
  }
}
