import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { headTrust, parseHeadLine, parseTrustPolicy, toHex, witnessedBy } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { linesOf, openLog, ORIGIN } from "../log.ts";
import { PUBLISHER } from "../publish/kill-publisher.ts";
import { startWitness } from "./witness-server.ts";

const KILLS = 8;

describe("a publisher that is killed when its witness has cosigned, before it hears of that", () => {
  it(`never shows it two stories, and leaves each head in each sink once (${KILLS} times)`, async () => {
    const log = await openLog();
    const witness = await startWitness(log.vkeys[0] ?? "");
    const lines = [`witness W ${witness.vkey} ${witness.url}`, "quorum W", ""].join("\n");
    const cosigned = new Map<bigint, string>();
    let child: ChildProcess | undefined;
    let left = 0;
    witness.instead = (_, { right }) => {
      const tree = witness.tree();
      if (tree !== undefined) cosigned.set(tree.size, toHex(tree.root));
      if (right.status === 200) left -= 1;
      if (left < 0) child?.kill("SIGKILL");
      return left < 0;
    };
    const said: unknown[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      left = kill % 3;
      child = fork(PUBLISHER, [log.url, log.keyFile, ...log.sinks], {
        execArgv: ["--conditions=source"],
        env: { ...process.env, WITNESS: witness.url, TRUST_POLICY: lines },
      });
      child.on("message", (message) => message === "ready" || said.push(message));
      await once(child, "exit");
    }
    expect(said).toEqual([]);
    witness.instead = undefined;
    await log.append("last");
    const policy = parseTrustPolicy(Buffer.from(lines));
    expect(await log.publish({ witnesses: [witness.url], trustPolicy: policy })).toMatchObject({ status: "intact" });

    // Each that came after a killed one did not know what that one had been told.
    expect(witness.requests.filter(({ status }) => status === 409)).toHaveLength(KILLS);
    expect(witness.requests.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    expect(readFileSync(log.paths[0], "utf8")).toBe(readFileSync(log.paths[1], "utf8"));
    const written = linesOf(log.paths[0]);
    expect(new Set(written).size).toBe(written.length);
    const trust = headTrust(log.vkeys, ORIGIN);
    const heads = written.map((line) => parseHeadLine(line, trust));
    // Whatever it has cosigned stands in the log, with cosignature or without.
    const published = new Set(heads.map(({ seq, root }) => `${seq} ${toHex(root)}`));
    for (const [size, root] of cosigned) expect(published).toContain(`${size} ${root}`);
    expect(witnessedBy(heads.at(-1)?.checkpoint ?? "", policy, trust.verifiers).isMet).toBe(true);
  }, 240_000);
});
