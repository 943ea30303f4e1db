import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateSigningKey, parseTrustPolicy, parseVerifierKey, type TrustPolicy } from "../../src/index.ts";
import { codeOf } from "../code-of.ts";

const keyOf = (name: string, type: 1 | 4 | 6 = 4): string => generateSigningKey(name, type).vkey;
const [log, x1, x2, y1, pq] = [
  keyOf("example.com/log", 1),
  keyOf("x1.example"),
  keyOf("x2.example"),
  keyOf("y1.example"),
  keyOf("pq.example", 6),
];
/** The same public key by another name. */
function renamed(vkey: string, name: string): string {
  const data = Buffer.concat([Uint8Array.of(4), parseVerifierKey(vkey).publicBytes]);
  const id = createHash("sha256").update(`${name}\n`).update(data).digest("hex").slice(0, 8);
  return `${name}+${id}+${data.toString("base64")}`;
}
const read = (...lines: string[]): TrustPolicy => parseTrustPolicy(Buffer.from(`${lines.join("\n")}\n`));
const refused = (...lines: string[]): unknown => codeOf(() => read(...lines));

describe("a trust policy", () => {
  it("has logs, witnesses, groups of groups and a quorum, in lines with any white space", () => {
    const policy = read(
      "# ours",
      "",
      ` \t log\t${log}  https://log.example/`,
      `witness X1 ${x1} https://x1.example/w`,
      `witness X2 ${x2}`,
      " \t# theirs",
      `witness Ÿ ${y1}`,
      "group X 2 X1 X2",
      "group Z any X Ÿ \t",
      "quorum Z",
      `witness later ${pq}`,
    );
    expect(policy.logs.map(({ vkey }) => vkey)).toEqual([log]);
    expect(policy.witnesses.map(({ name, url }) => [name, url])).toEqual([
      ["X1", "https://x1.example/w"],
      ["X2", undefined],
      ["Ÿ", undefined],
      ["later", undefined],
    ]);
    expect(policy.quorum).toMatchObject({
      name: "Z",
      threshold: 1,
      members: [{ name: "X", threshold: 2, members: [{ name: "X1" }, { name: "X2" }] }, { name: "Ÿ" }],
    });
  });

  it("may ask for nobody, or for one witness", () => {
    expect(read("quorum none")).toEqual({ logs: [], witnesses: [], quorum: undefined });
    expect(read(`witness all ${x1}`, "quorum all").quorum).toMatchObject({ name: "all" });
    expect(read(`witness a ${x1}`, "group none-of-them all a", "quorum none-of-them").quorum).toMatchObject({
      threshold: 1,
    });
  });

  const two = [`witness a ${x1}`, `witness b ${x2}`];
  it.each<[string, string[]]>([
    ["is empty", [""]],
    ["has no quorum", two],
    ["has two quorums", ["quorum none", "quorum none"]],
    ["has an unknown keyword", ["quorum none", "Quorum none"]],
    ["has a quorum that is not defined", ["quorum a"]],
    ["has a quorum that is defined later", ["quorum a", `witness a ${x1}`]],
    ["has a quorum with more words", [...two, "quorum a b"]],
    ["calls a witness none", [`witness none ${x1}`, "quorum none"]],
    ["calls a group none", [...two, "group none any a", "quorum none"]],
    ["calls two witnesses the same", [`witness a ${x1}`, `witness a ${x2}`, "quorum a"]],
    ["calls a group as a witness", [...two, "group a any b", "quorum a"]],
    ["has one key twice", [`witness a ${x1}`, `witness b ${x1}`, "quorum a"]],
    ["has one public key by two names", [`witness a ${x1}`, `witness b ${renamed(x1, "b.example")}`, "quorum a"]],
    ["has one log twice", [`log ${log}`, `log ${log}`, "quorum none"]],
    ["has a key for notes as a witness's", [`witness a ${log}`, "quorum a"]],
    ["has a key for cosignatures as a log's", [`log ${x1}`, "quorum none"]],
    ["has a key whose ID does not fit", [`witness a ${x1.replace("x1", "x3")}`, "quorum a"]],
    ["has a group with itself", [...two, "group g any g", "quorum g"]],
    ["has a group with none", [...two, "group g any none", "quorum g"]],
    ["has a group without members", [...two, "group g any", "quorum g"]],
    ["has a member twice in a group", [...two, "group g any a a", "quorum g"]],
    ["has a member of two groups", [...two, "group g any a", "group h any a b", "quorum h"]],
    ["asks for none of a group", [...two, "group g 0 a b", "quorum g"]],
    ["asks for more than a group has", [...two, "group g 3 a b", "quorum g"]],
    ["has a leading zero", [...two, "group g 01 a b", "quorum g"]],
    ["has a sign", [...two, "group g +1 a b", "quorum g"]],
    ["has a carriage return", ["quorum none\r"]],
    ["has a form feed for a space", ["quorum\fnone"]],
    ["has a NUL in a comment", ["# \0", "quorum none"]],
    ["has a DEL", ["# \x7f", "quorum none"]],
    ["has a URL too many", [`witness a ${x1} https://a https://b`, "quorum a"]],
    [
      "has more logs than anybody has",
      [...Array.from({ length: 101 }, (_, i) => `log ${keyOf(`l${i}`, 1)}`), "quorum none"],
    ],
  ])("that %s is refused", (_, lines) => {
    expect(refused(...lines)).toBe("trust_policy_malformed");
  });

  it("that was cut within its last line, or is too long, is refused", () => {
    expect(codeOf(() => parseTrustPolicy(Buffer.from("quorum none")))).toBe("trust_policy_malformed");
    expect(codeOf(() => parseTrustPolicy(Buffer.alloc(1_000_001, "\n")))).toBe("trust_policy_malformed");
  });

  it("tells names apart by their bytes: K is not the Kelvin sign, whatever these bytes are as text", () => {
    expect(read(`witness K ${x1}`, `witness \u212a ${x2}`, "quorum K").quorum).toMatchObject({ name: "K" });
    const invalid = Buffer.from(`witness \xff ${x1}\nwitness \xfe ${x2}\nquorum \xfe\n`, "latin1");
    expect(parseTrustPolicy(invalid).quorum).toMatchObject({ verifier: { vkey: x2 } });
  });
});
