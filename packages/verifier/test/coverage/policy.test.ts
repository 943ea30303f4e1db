import { expect, it } from "vitest";
import { formatPolicy, parsePolicy } from "../../src/index.ts";

it("a policy is read as it is written, and refused where it is not one", () => {
  const policy = parsePolicy(
    '{"origin":"o","tables":{"public.t":{"kind":"t","key":["id"],"exclude":[],"changes":"refuse"}},"detached":{"public.u":true,"public.v":{"kind":"v"}},"approved":{"seq":9007199254740991,"chain_hash":"abababababababababababababababababababababababababababababababab"}}',
  );
  expect(parsePolicy(formatPolicy(policy))).toEqual(policy);
  for (const text of [
    "",
    "[]",
    "{}",
    '{"tables":[]}',
    '{"tables":{"a":{}}}',
    '{"tables":{},"other":1}',
    '{"tables":{},"tables":{}}',
  ])
    expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code: "policy_malformed" }));
});
