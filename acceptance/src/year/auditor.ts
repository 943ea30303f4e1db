import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { publishHead } from "@scidex/audit-publisher";
import { openSink } from "@scidex/audit-sinks";
import { EMPTY_STATE, parsePolicy, type VerificationReport, type VerifierState, verify } from "@scidex/audit-verifier";
import { auditChain, type Ended, expectExit } from "./commands.ts";
import { writeRules } from "./rules.ts";
import { ORIGIN, type Platform, sinksOf } from "./platform.ts";

/** Publishes and verifies from outside the database, and keeps the policy by commands alone. */
export class Auditor {
  readonly #platform: Platform;
  #state: VerifierState = EMPTY_STATE;
  /** How often each has been done. */
  readonly done = { publications: 0, nights: 0, approvals: 0 };

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** @throws {Error} where anything is said against it, also that a table could not be recorded anew */
  async publish(): Promise<void> {
    const { keyFile, policyFile, connect } = this.#platform;
    await using database = connect("publisher", 2);
    const policy = existsSync(policyFile) ? parsePolicy(readFileSync(policyFile, "utf8")) : undefined;
    const { status, divergences, warnings } = await publishHead({
      database,
      keyFile,
      sinks: sinksOf(this.#platform),
      origin: ORIGIN,
      policy,
    });
    this.done.publications++;
    if (status !== "intact" || warnings.length > 0)
      throw new Error(
        `the publication is ${status}: ${[...divergences.map(({ message }) => message), ...warnings].join("; ")}`,
      );
  }

  /** A full verification, as each night: links, heads, rows, access, coverage, structure. */
  async verify(): Promise<VerificationReport> {
    const { vkeys, policyFile, connect } = this.#platform;
    const heads = sinksOf(this.#platform).map((sink) => openSink(sink));
    try {
      await using sql = connect("inspector", 2);
      const policy = parsePolicy(readFileSync(policyFile, "utf8"));
      const { report, state } = await verify(sql, { origin: ORIGIN, keys: vkeys, heads, policy, state: this.#state });
      this.#state = state;
      return report;
    } finally {
      for (const sink of heads) await sink.close();
    }
  }

  /** A night on which nothing may be said. @throws {Error} with what was said */
  async night(): Promise<void> {
    const report = await this.verify();
    this.done.nights++;
    if (report.status === "intact" && Object.values(report.checks).every((result) => result === "ok")) return;
    const { status, checks, divergences, unproven } = report;
    const found = divergences
      .slice(0, 8)
      .map(({ check, eventKind, eventPk, message }) => `  ${check} ${eventKind ?? ""} ${eventPk ?? ""}: ${message}`);
    throw new Error(
      `a night that is not clean: ${status}, ${JSON.stringify(checks)}\n${[...found, ...unproven.map((text) => `  unproven: ${text}`)].join("\n")}`,
    );
  }

  /** The first policy is printed, and gets the auditor's own rules; afterwards no one edits it. */
  async pin(): Promise<void> {
    const { stdout } = expectExit("policy", await this.#run("policy"), 0);
    writeFileSync(this.#platform.policyFile, stdout);
    await writeRules(this.#platform);
  }

  /** Accepts what a verification finds, all of it. @throws {Error} where that is nothing */
  async accept(): Promise<void> {
    const { policyFile } = this.#platform;
    const { stdout } = expectExit("verify", await this.#run("verify", "--json", "--policy", policyFile), 1);
    const report = `${policyFile}.report`;
    writeFileSync(report, stdout);
    expectExit("accept", await this.#run("accept", report, "--reason", "agreed on", "--policy", policyFile), 0);
  }

  /** Looks at what has come. Where something narrows it is approved, once. @throws {Error} where that is not as expected */
  async approve(isNeeded: boolean): Promise<string> {
    const { policyFile } = this.#platform;
    const shown = expectExit("policy --diff", await this.#run("policy", "--diff", policyFile), isNeeded ? 4 : 0);
    if (!isNeeded) return shown.stdout;
    expectExit("policy --approve", await this.#run("policy", "--approve", policyFile), 0);
    this.done.approvals++;
    expectExit("policy --diff after the approval", await this.#run("policy", "--diff", policyFile), 0);
    return shown.stdout;
  }

  async #run(...args: readonly string[]): Promise<Ended> {
    const { url, vkeys } = this.#platform;
    return await auditChain(args, {
      AUDIT_DATABASE_URL: url("inspector"),
      AUDIT_SINKS: sinksOf(this.#platform).join(","),
      AUDIT_VERIFIER_KEYS: vkeys.join(","),
      AUDIT_ORIGIN: ORIGIN,
    });
  }
}
