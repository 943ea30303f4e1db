import {
  generateSigningKey,
  type NoteSigner,
  parseHeadParts,
  parseKeyFile,
  parseNote,
  parseSigner,
  parseTrustPolicy,
  signNote,
  type TrustPolicy,
  withCosignatures,
} from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { append, type ChainDatabase, KEYS, linesOf, now, openChain, writeLines } from "../chain-database.ts";

const newKey = (name: string, type: 4 | 6 = 4): NoteSigner => parseSigner(generateSigningKey(name, type).signer);
const [a, b, c, pq] = [newKey("a.example"), newKey("b.example"), newKey("c.example"), newKey("pq.example", 6)];
const publisher = parseKeyFile(KEYS.text);

const policyOf = (...lines: string[]): TrustPolicy => parseTrustPolicy(Buffer.from(`${lines.join("\n")}\n`));
const WITNESSES = [`witness A ${a.vkey}`, `witness B ${b.vkey}`, `witness C ${c.vkey}`];
const twoOfThree = policyOf(...WITNESSES, "group G 2 A B C", "quorum G");

/** The line with cosignatures of its checkpoint. */
function cosign(line: string, signers: readonly NoteSigner[], time: number): string {
  const { text } = parseNote(parseHeadParts(line).checkpoint);
  const lines = signers.map((signer) => signNote(text, [signer], { time: BigInt(time) }).split("\n\n")[1] ?? "");
  return withCosignatures(line, lines);
}

/** Two heads in two sinks, of which the newest is cosigned by these. */
async function published(signers: readonly NoteSigner[], time = now()): Promise<ChainDatabase> {
  const chain = await openChain();
  await append(chain.sql, "thing", "1", "2", "3");
  await chain.publish({ time: now() - 60 });
  await append(chain.sql, "thing", "4");
  await chain.publish();
  editLast(chain, (line) => cosign(line, signers, time));
  return chain;
}

function editLast(chain: ChainDatabase, how: (line: string) => string, paths: readonly string[] = chain.paths): void {
  for (const path of paths) {
    const lines = linesOf(path);
    writeLines(path, [...lines.slice(0, -1), how(lines.at(-1) ?? "")]);
  }
}

const checksOf = async (chain: ChainDatabase, witnesses: TrustPolicy): Promise<string[]> =>
  (await chain.verify({ witnesses })).divergences.map(({ check }) => check);

describe("witnesses of the newest head", () => {
  it("are named in the report, where they are a quorum", async () => {
    const chain = await published([a, c]);
    const report = await chain.verify({ witnesses: twoOfThree });
    expect(report).toMatchObject({
      status: "intact",
      divergences: [],
      warnings: [],
      witnesses: { seq: 4n, quorum: "G", met: true, cosigned: [{ name: "A" }, { name: "C" }], notCounted: [] },
    });
  });

  it("are not asked for without a policy, and with quorum none the report says so", async () => {
    const chain = await published([]);
    expect(await chain.verify()).toMatchObject({ status: "intact", witnesses: null, warnings: [] });
    const report = await chain.verify({ witnesses: policyOf("quorum none") });
    expect(report).toMatchObject({ status: "intact", witnesses: { quorum: "none", met: true } });
    expect(report.warnings.join()).toContain("quorum none");
  });

  it("may cosign by ML-DSA-44", async () => {
    const policy = policyOf(`witness PQ ${pq.vkey}`, "quorum PQ");
    expect(await checksOf(await published([pq]), policy)).toEqual([]);
    expect(await checksOf(await published([a]), policy)).toEqual(["witness_missing"]);
  });

  it("finds D12: a cosignature is withheld, or taken away, whatever the head before it has", async () => {
    const chain = await published([b]);
    const report = await chain.verify({ witnesses: twoOfThree });
    expect(report.status).toBe("tampered");
    expect(report.divergences).toMatchObject([{ check: "witness_missing", group: "heads", actual: "by B" }]);
    for (const path of chain.paths) {
      const [first = "", last = ""] = linesOf(path);
      writeLines(path, [cosign(first, [a, b, c], now()), last]);
    }
    expect(await checksOf(chain, twoOfThree)).toEqual(["witness_missing"]);
  });

  it("are believed from whichever sink has their cosignatures: they are signed", async () => {
    const chain = await published([]);
    editLast(chain, (line) => cosign(line, [a, b], now()), [chain.paths[1]]);
    expect(await checksOf(chain, twoOfThree)).toEqual([]);
  });

  it("finds D12: a cosignature is faked", async () => {
    const chain = await published([a]);
    // By another key of that name, which no policy has; and by the right name and key ID.
    editLast(chain, (line) => cosign(line, [newKey("b.example")], now()));
    expect(await checksOf(chain, twoOfThree)).toEqual(["witness_missing"]);
    const [stolen = ""] = linesOf(chain.paths[0]);
    const elsewhere =
      parseHeadParts(cosign(stolen, [b], now()))
        .checkpoint.split("\n")
        .at(-2) ?? "";
    editLast(chain, (line) => withCosignatures(line, [`${elsewhere}\n`]));
    expect((await checksOf(chain, twoOfThree)).toSorted()).toEqual([
      "sink_signature",
      "sink_signature",
      "witness_missing",
    ]);
  });

  it("finds D15: a time of 0, one key twice, the publisher's own keys", async () => {
    const zero = await published([a, b], 0);
    expect(new Set(await checksOf(zero, twoOfThree))).toEqual(new Set(["sink_signature", "witness_missing"]));
    const twice = await published([a]);
    editLast(twice, (line) => cosign(line, [a], now() + 1));
    expect(new Set(await checksOf(twice, twoOfThree))).toEqual(new Set(["sink_signature", "witness_missing"]));
    const own = policyOf(`witness T ${publisher.timestamp.vkey}`, "quorum T");
    const report = await (await published([])).verify({ witnesses: own });
    expect(report.divergences.map(({ check }) => check)).toEqual(["witness_missing"]);
    expect(report.witnesses).toMatchObject({ met: false, notCounted: [{ name: "T", reason: "own_key" }] });
  });

  it("finds D15: an old cosignature of the same tree gives no freshness", async () => {
    const chain = await openChain();
    await append(chain.sql, "thing", "1");
    await chain.publish();
    editLast(chain, (line) => cosign(line, [a, b], now() - 3_000));
    expect(await checksOf(chain, twoOfThree)).toEqual([]);
    const report = await chain.verify({ witnesses: twoOfThree, maxHeadAgeMs: 1_000_000 });
    expect(report.divergences.map(({ check }) => check)).toEqual(["witness_missing"]);
    expect(report.witnesses?.notCounted).toMatchObject([{ reason: "too_old" }, { reason: "too_old" }]);
  });

  it("do not make up for a log that the policy does not have", async () => {
    const chain = await published([a, b]);
    const log = (vkey: string) => policyOf(`log ${vkey}`, ...WITNESSES, "group G 2 A B C", "quorum G");
    expect(await checksOf(chain, log(publisher.log.vkey))).toEqual([]);
    const other = generateSigningKey(publisher.origin, 1).vkey;
    expect(await checksOf(chain, log(other))).toEqual(["witness_missing"]);
  });

  it("finds D15: the stronger signature is taken from a checkpoint", async () => {
    const chain = await published([]);
    const strong = newKey(publisher.origin, 6);
    const keys = [...chain.vkeys, strong.vkey];
    const both = (line: string) => {
      const { signedTime } = { signedTime: BigInt(Date.parse(parseHeadParts(line).publishedAt) / 1_000) };
      return cosign(line, [strong], Number(signedTime));
    };
    for (const path of chain.paths) writeLines(path, linesOf(path).map(both));
    expect((await chain.verify({ keys })).divergences).toEqual([]);
    editLast(chain, (line) => {
      const note = parseHeadParts(line).checkpoint.split("\n");
      return line.replace(JSON.stringify(`${note.at(-2)}\n`).slice(1, -1), "");
    });
    expect((await chain.verify({ keys })).divergences.map(({ check }) => check)).toContain("sink_signature");
  });
});
