import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  generateSigningKey,
  parseKeyFile,
  parseTrustPolicy,
  parseVerifierKey,
  type TrustPolicy,
  witnessedBy,
} from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { rotateKey } from "../../src/index.ts";
import { parseState } from "../../src/state/state.ts";
import { witnessesAt } from "../../src/witness/witness.ts";
import { type Log, openLog, recompute } from "../log.ts";
import { startWitness, type WitnessServer } from "./witness-server.ts";

const policyOf = (...lines: string[]): TrustPolicy => parseTrustPolicy(Buffer.from(`${lines.join("\n")}\n`));

/** A policy that asks for so many of these witnesses. */
const asking = (count: string, ...witnesses: readonly WitnessServer[]): TrustPolicy =>
  policyOf(
    ...witnesses.map(({ vkey, url }, i) => `witness W${i} ${vkey} ${url}`),
    `group G ${count} ${witnesses.map((_, i) => `W${i}`).join(" ")}`,
    "quorum G",
  );

const openWitnessed = async (): Promise<{ log: Log; witness: WitnessServer; policy: TrustPolicy }> => {
  const log = await openLog();
  const witness = await startWitness(log.vkeys[0] ?? "");
  await log.append("a", "b", "c");
  return { log, witness, policy: asking("any", witness) };
};

const witnessed = ({ url }: WitnessServer, trustPolicy: TrustPolicy) => ({ witnesses: [url], trustPolicy });

/** Who has cosigned the last head of the first sink. */
const cosignersOf = (log: Log, policy: TrustPolicy): string[] => {
  const own = log.vkeys.map((vkey) => parseVerifierKey(vkey));
  return witnessedBy(log.heads().at(-1)?.checkpoint ?? "", policy, own).cosigned.map(({ witness }) => witness.name);
};

describe("a publisher with a witness", () => {
  it("has each head cosigned before it goes into the sinks, and proves that one extends the other", async () => {
    const { log, witness, policy } = await openWitnessed();
    const tiles = join(log.folder, "tiles");
    mkdirSync(tiles);
    const sinks = [log.sinks[0], `tiles:${tiles}`];
    const publish = async () => await log.publish({ sinks, ...witnessed(witness, policy) });
    const first = await publish();
    expect(first).toMatchObject({
      status: "intact",
      witnesses: [{ name: witness.url, status: "cosigned", size: 3n, message: null }],
    });
    expect(cosignersOf(log, policy)).toEqual(["W0"]);
    for (const key of ["d", "e", "f", "g", "h"]) {
      await log.append(key);
      expect(await publish()).toMatchObject({ status: "intact" });
    }
    // With nothing new its time is renewed.
    expect(await publish()).toMatchObject({ status: "intact" });
    expect(witness.requests).toEqual([0n, 3n, 4n, 5n, 6n, 7n, 8n].map((old) => ({ old, status: 200 })));
    expect(log.heads().map(({ seq }) => seq)).toEqual(expect.arrayContaining([3n, 4n, 5n, 6n, 7n, 8n]));
    expect(readFileSync(join(tiles, "checkpoint"), "utf8")).toBe(log.heads().at(-1)?.checkpoint);
    expect(cosignersOf(log, policy)).toEqual(["W0"]);
  });

  it("takes the size that the witness has, where it does not know it: one that came later, or a state without it", async () => {
    const { log, witness, policy } = await openWitnessed();
    await log.publish(witnessed(witness, policy));
    await log.append("d", "e");
    await log.publish();
    await log.append("f");
    await forget(log);
    expect(await log.publish(witnessed(witness, policy))).toMatchObject({ status: "intact" });
    const late = await startWitness(log.vkeys[0] ?? "", { name: "late.example", type: 6 });
    const both = asking("all", witness, late);
    expect(await log.publish({ witnesses: [witness.url, late.url], trustPolicy: both })).toMatchObject({
      status: "intact",
      witnesses: [{ size: 6n }, { size: 6n }],
    });
    expect(witness.requests.map(({ old, status }) => [old, status])).toEqual([
      [0n, 200],
      [0n, 409],
      [3n, 200],
      [6n, 200],
    ]);
    expect(cosignersOf(log, both)).toEqual(["W0", "W1"]);
  });

  it("publishes all the same without a witness that the quorum can do without, and says so", async () => {
    const { log, witness } = await openWitnessed();
    const down = await startWitness(log.vkeys[0] ?? "", { name: "down.example" });
    down.instead = (response) => response.destroy() !== undefined;
    const one = { witnesses: [witness.url, down.url], trustPolicy: asking("any", witness, down) };
    const result = await log.publish(one);
    expect(result).toMatchObject({ status: "intact", witnesses: [{ status: "cosigned" }, { status: "unreachable" }] });
    expect(result.warnings.at(-1)).toContain(`the witness ${down.url} has not cosigned: `);
    expect(result.warnings.join()).not.toContain("quorum");
    const all = await log.publish({ ...one, trustPolicy: asking("all", witness, down) });
    expect(all.status).toBe("unproven");
    expect(all.published?.seq).toBe(3n);
    expect(all.warnings.join()).toContain('the quorum "G" of the trust policy has not cosigned it, only "W0"');
    // It is in the sinks: whoever can stop a witness must not stop anchoring.
    expect(log.heads().length).toBeGreaterThan(0);
    down.instead = undefined;
    expect((await log.publish({ ...one, trustPolicy: asking("all", witness, down) })).status).toBe("intact");
  });

  const page = (status: number, body: string, headers: Record<string, string> = {}) => ({ status, body, headers });
  it.each<[string, ReturnType<typeof page>, "refused" | "unreachable", string]>([
    ["400", page(400, "?"), "refused", "answers 400"],
    ["403", page(403, "?"), "refused", "answers 403: it knows no key of this log"],
    ["404", page(404, "?"), "refused", "answers 404: it does not know this log"],
    ["422", page(422, "?"), "refused", "answers 422: for it, this log does not extend"],
    ["409 without a size", page(409, "3\n"), "refused", "answers 409: it has another size"],
    ["409 with a strange size", page(409, "03\n", { "content-type": "text/x.tlog.size" }), "refused", "answers 409"],
    [
      "409 with what was said",
      page(409, "0\n", { "content-type": "text/x.tlog.size" }),
      "refused",
      "the 0 links that were",
    ],
    [
      "409 with more than there is",
      page(409, "4\n", { "content-type": "text/x.tlog.size; charset=utf-8" }),
      "refused",
      "it has cosigned 4 links of this log, more than the 3",
    ],
    ["418", page(418, "?"), "refused", "answers 418"],
    ["429", page(429, "?"), "unreachable", "answers 429"],
    ["503", page(503, "?"), "unreachable", "answers 503"],
    ["a redirect", page(307, "", { location: "/elsewhere" }), "refused", "redirects are not followed"],
    ["a page", page(200, "<html>welcome</html>\n"), "refused", "its cosignature is not taken"],
    ["nothing", page(200, ""), "refused", "its cosignature is not taken"],
    ["an answer without end", page(200, "— x AAAAAAAA\n".repeat(60_000)), "unreachable", "longer than any can be"],
  ])("publishes without the cosignature of one that answers %s", async (_, answer, status, said) => {
    const { log, witness, policy } = await openWitnessed();
    const seen: (string | undefined)[] = [];
    witness.instead = (response) => {
      seen.push(response.req.url);
      response.writeHead(answer.status, answer.headers).end(answer.body);
      return true;
    };
    const result = await log.publish(witnessed(witness, policy));
    expect(result).toMatchObject({ status: "unproven", published: { seq: 3n }, witnesses: [{ status }] });
    expect(result.witnesses[0]?.message).toContain(said);
    expect(seen).toEqual(["/w/add-checkpoint"]);
    expect(log.heads()).toHaveLength(1);
    expect(cosignersOf(log, policy)).toEqual([]);
  });

  it("takes no cosignature that does not verify, is by somebody else, or has no time", async () => {
    const { log, witness, policy } = await openWitnessed();
    const forgeries = [
      (right: string) =>
        right.replace(/(.{20})\n$/u, (end) => (end.startsWith("A") ? `B${end.slice(1)}` : `A${end.slice(1)}`)),
      (right: string) => right.repeat(2),
      (right: string) => right.replace("witness.example/w", "witness.example/v"),
      // The time, behind the key ID.
      (right: string) => {
        const [, name = "", base64 = ""] = right.trimEnd().split(" ");
        const bytes = Buffer.from(base64, "base64");
        return `— ${name} ${bytes.fill(0, 4, 12).toString("base64")}\n`;
      },
      (right: string) => `x\n\n${right}`,
    ];
    for (const forge of forgeries) {
      witness.instead = (response, { right }) => {
        const isTaken = right.status === 200;
        if (isTaken) response.writeHead(200).end(forge(right.body));
        return isTaken;
      };
      const result = await log.publish(witnessed(witness, policy));
      expect(result).toMatchObject({ status: "unproven", witnesses: [{ status: "refused" }] });
      expect(cosignersOf(log, policy)).toEqual([]);
    }
    witness.instead = undefined;
    expect(await log.publish(witnessed(witness, policy))).toMatchObject({ status: "intact" });
    expect(cosignersOf(log, policy)).toEqual(["W0"]);
  });

  it("has the head cosigned that replaces its keys, and none that a witness does not know the key of", async () => {
    const { log, witness, policy } = await openWitnessed();
    await log.publish(witnessed(witness, policy));
    const { sql: database, keyFile, sinks } = log;
    const { result } = await rotateKey({ database, keyFile, sinks, ...witnessed(witness, policy) });
    expect(result).toMatchObject({ status: "intact", witnesses: [{ status: "cosigned" }] });
    expect(cosignersOf(log, policy)).toEqual(["W0"]);
    const after = await log.publish(witnessed(witness, policy));
    expect(after).toMatchObject({ status: "unproven", published: { seq: 3n }, witnesses: [{ status: "refused" }] });
    expect(after.witnesses[0]?.message).toContain("answers 403: it knows no key of this log");
  });

  it("does not wait for one that never answers", async () => {
    const { log, witness, policy } = await openWitnessed();
    witness.instead = () => true;
    const result = await log.publish({ ...witnessed(witness, policy), witnessTimeoutMs: 200 });
    expect(result).toMatchObject({ status: "unproven", witnesses: [{ message: "no answer within 0.2 s" }] });
  });

  it("gets no cosignature for a chain that was rewritten, from an old state, for sinks that were emptied", async () => {
    const { log, witness, policy } = await openWitnessed();
    copyFileSync(log.stateFile, join(log.folder, "old"));
    await log.publish(witnessed(witness, policy));
    await log.attack(`update public.audit_chain set payload_hash = sha256('forged') where seq = 2; ${recompute(2)}`);
    copyFileSync(join(log.folder, "old"), log.stateFile);
    for (const path of log.paths) rmSync(path);
    await log.append("d");
    const result = await log.publish(witnessed(witness, policy));
    expect(result).toMatchObject({ status: "unproven", witnesses: [{ status: "refused", size: 3n }] });
    expect(result.witnesses[0]?.message).toContain("answers 422");
    expect(witness.tree()?.size).toBe(3n);
    expect(cosignersOf(log, policy)).toEqual([]);
  });
});

describe("witnesses in the configuration", () => {
  const { vkey } = generateSigningKey("w.example", 4);
  const at = (
    url: string,
    policy: TrustPolicy | undefined = policyOf(`witness W ${vkey} https://w.example/p/`, "quorum W"),
  ) => witnessesAt([url], policy, []);

  it("have the keys that the trust policy has for their URL, with or without a slash at its end", () => {
    for (const url of ["https://w.example/p", "https://w.example/p/", "https://W.example:443/p"])
      expect(at(url)).toMatchObject([
        { name: "https://w.example/p", endpoint: new URL("https://w.example/p/add-checkpoint"), keys: [{ vkey }] },
      ]);
  });

  it.each([
    ["http://w.example/p", "expected witness:https://"],
    ["ftp://w.example/p", "expected witness:https://"],
    ["https://user:secret@w.example/p", "has a user or password"],
    ["https://w.example/p?x=1", "has a query"],
    ["https://w.example/other", "no witness of AUDIT_TRUST_POLICY has that URL"],
    ["nothing", "expected witness:https://"],
  ])("are refused at %s", (url, said) => {
    expect(() => at(url)).toThrow(said);
    expect(() => at(url)).not.toThrow("secret");
  });

  it("are refused twice, without a policy, and with the publisher's own key", async () => {
    const policy = policyOf(`witness W ${vkey} https://w.example/p`, "quorum W");
    expect(() => witnessesAt(["https://w.example/p", "https://w.example/p/"], policy, [])).toThrow("listed twice");
    expect(() => witnessesAt(["https://w.example/p"], undefined, [])).toThrow("AUDIT_TRUST_POLICY is not set");
    expect(() => witnessesAt(["https://w.example/p"], policy, [parseVerifierKey(vkey)])).toThrow("publisher's own");
    const log = await openLog();
    const { timestamp } = parseKeyFile(readFileSync(log.keyFile, "utf8"));
    const own = policyOf(`witness T ${timestamp.vkey} https://w.example/p`, "quorum T");
    await expect(log.publish({ witnesses: ["https://w.example/p"], trustPolicy: own })).rejects.toMatchObject({
      code: "configuration",
    });
  });
});

/** Puts a state in place that knows nothing of witnesses: written before there were any. */
async function forget(log: Log): Promise<void> {
  const { witnesses, ...state } = JSON.parse(readFileSync(log.stateFile, "utf8")) as { witnesses: unknown };
  expect(witnesses).toBeDefined();
  writeFileSync(log.stateFile, JSON.stringify(state));
  expect(parseState(JSON.stringify(state), "state").witnesses).toEqual({});
}
