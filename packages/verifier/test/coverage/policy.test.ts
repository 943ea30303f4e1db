import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readPolicy } from "../../src/command/files.ts";
import { formatPolicy, parsePolicy } from "../../src/index.ts";

const ACCEPTED = {
  check: "source_edited",
  seq: 17,
  event_kind: "t:update",
  event_pk: "42@17",
  actual: "ab".repeat(32),
  reason: "INC-7",
  by: "anna",
  at: "2026-11-21T09:00:00.000Z",
};

it("a policy is read as it is written, and refused where it is not one", () => {
  const policy = parsePolicy(
    '{"origin":"o","tables":{"public.t":{"kind":"t","key":["id"],"exclude":[],"changes":"refuse","retention":"P400D","whole":true}},"detached":{"public.u":true,"public.v":{"kind":"v"}},"approved":{"seq":9007199254740991,"chain_hash":"abababababababababababababababababababababababababababababababab"}}',
  );
  const { event_pk: _, ...many } = { ...ACCEPTED, count: 4000 };
  const accepting = parsePolicy(JSON.stringify({ tables: {}, accepted: [ACCEPTED, many] }));
  expect(JSON.parse(formatPolicy(accepting))).toMatchObject({ accepted: [ACCEPTED, many] });
  expect(parsePolicy(formatPolicy(accepting))).toEqual(accepting);
  expect(parsePolicy(formatPolicy(policy))).toEqual(policy);
  for (const text of [
    "",
    "[]",
    "{}",
    '{"tables":[]}',
    '{"tables":{"a":{}}}',
    '{"tables":{},"other":1}',
    '{"tables":{},"tables":{}}',
    ...[{ retention: "P1Y" }, { retention: 400 }, { whole: "yes" }].map((more) =>
      JSON.stringify({ tables: { "public.t": { kind: "t", key: ["id"], exclude: [], changes: "refuse", ...more } } }),
    ),
    ...[
      { ...ACCEPTED, check: "trigger_missing" },
      { ...ACCEPTED, actual: "ab" },
      { ...ACCEPTED, seq: 0 },
      { ...ACCEPTED, reason: "" },
      { ...ACCEPTED, count: 101 },
      { ...ACCEPTED, event_pk: undefined, count: 100 },
      { ...ACCEPTED, event_pk: undefined },
      { ...ACCEPTED, more: 1 },
    ].map((entry) => JSON.stringify({ tables: {}, accepted: [entry] })),
  ])
    expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code: "policy_malformed" }));
});

it("a policy is that of its log and of those that follow it, and of no other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "audit-policy-"));
  const file = join(folder, "policy.json");
  const logs = [{ origin: "example.org/eu/2", statement: "ab".repeat(32) }];
  await writeFile(file, JSON.stringify({ origin: "example.org/eu", tables: {}, logs }));
  try {
    for (const origin of ["example.org/eu", "example.org/eu/2", undefined])
      expect(await readPolicy(file, origin)).toMatchObject({ origin: "example.org/eu" });
    for (const origin of ["example.org/us", "example.org/eu/3"])
      await expect(readPolicy(file, origin)).rejects.toThrow(`is of the log example.org/eu; expected ${origin}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
