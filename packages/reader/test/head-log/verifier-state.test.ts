import { expect, it } from "vitest";
import { formatState, parseState } from "../../src/index.ts";

it("a state is read as it is written, and refused where it is not one", () => {
  const state = { sinks: new Map([["file:/a", { lines: 3, digest: "00" }]]) };
  expect(parseState(formatState(state))).toEqual({ ...state, server: null, awaitedSince: null, joining: new Map() });
  const joining = new Map([["public.orders", new Map([["qty", 1_790_000_000_000]])]]);
  const whole = {
    ...state,
    server: { systemIdentifier: "7", database: "d" },
    awaitedSince: 1_790_000_000_000,
    joining,
  };
  expect(parseState(formatState(whole))).toEqual(whole);
  for (const text of [
    "",
    "{}",
    '{"version":2,"sinks":{}}',
    '{"version":1,"sinks":{"a":{"lines":-1,"digest":""}}}',
    '{"version":1,"sinks":{},"server":{"database":1}}',
    '{"version":1,"sinks":{},"awaited_since":"soon"}',
    '{"version":1,"sinks":{},"other":1}',
  ])
    expect(() => parseState(text)).toThrow(expect.objectContaining({ code: "state_malformed" }));
});
