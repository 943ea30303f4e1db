import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CommandError, EXIT, type ExitCode, origin, type Member, writeError, writeOut } from "../../src/index.ts";
import { type FleetRun, runFleet } from "../../src/fleet/run-fleet.ts";

const NAMES = ["asia", "eu", "us"];
const fleet = {
  file: "fleet.json",
  members: NAMES.map((name): Member => ({ name, environment: { AUDIT_ORIGIN: `example.org/${name}` } })),
  leftOut: [],
};

/** Runs it, and takes what it writes. */
async function run(action: (member: Member) => Promise<ExitCode>, how: Partial<FleetRun> = {}) {
  const [out, err] = [[] as string[], [] as string[]];
  vi.spyOn(process.stdout, "write").mockImplementation(((text: string, done: (error: null) => void) => {
    out.push(text);
    done(null);
    return true;
  }) as typeof process.stdout.write);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => err.push(String(text)) > 0);
  const signal = new AbortController().signal;
  const exit = await runFleet({ fleet, isGoingOn: false, isJson: false, signal, ...how }, action);
  vi.restoreAllMocks();
  return { exit, out: out.join(""), err: err.join("") };
}
afterEach(() => vi.restoreAllMocks());

describe("a command on several databases", () => {
  it("has each one's variables, however the members take turns", async () => {
    const seen: string[] = [];
    await run(async ({ name }) => {
      for (let i = 0; i < 20; i++) {
        await sleep(Math.random() * 3);
        seen.push(`${name} ${origin()}`);
      }
      return EXIT.ok;
    });
    expect(new Set(seen)).toEqual(new Set(NAMES.map((name) => `${name} example.org/${name}`)));
  });

  it("prints each one's lines together, under its name, and the summary at the end", async () => {
    const { exit, out, err } = await run(async ({ name }) => {
      await writeOut(`one\nus: INTACT\n`);
      await sleep(name === "asia" ? 10 : 0);
      await writeOut("three\n");
      writeError("a remark\n");
      return name === "asia" ? EXIT.tampered : EXIT.ok;
    });
    expect(exit).toBe(1);
    const block = (name: string) => `${name}: one\n${name}: us: INTACT\n${name}: three\n`;
    expect(out).toBe(`${block("eu")}${block("us")}${block("asia")}2 of 3 databases ended with 0; asia ended with 1\n`);
    expect(err.split("\n").toSorted()).toEqual(["", ...NAMES.map((name) => `${name}: a remark`)]);
  });

  it.each([
    [[0, 0, 0], 0],
    [[0, 4, 0], 4],
    [[4, 3, 0], 3],
    [[3, 2, 4], 2],
    [[3, 2, 1], 1],
  ] as const)("that ended with %j ends with %i", async (exits, worst) => {
    expect((await run(async ({ name }) => exits[NAMES.indexOf(name)] ?? EXIT.ok)).exit).toBe(worst);
  });

  it("goes on where one fails in any way, and says which, without its password", async () => {
    const { exit, out, err } = await run(
      async ({ name }) => {
        if (name === "asia") throw new CommandError("configuration", "postgres://me:hush@asia is wrong");
        if (name === "eu") throw undefined;
        await sleep(5);
        await writeOut('{"status":"intact","n":12345678901234567890}\n');
        return EXIT.ok;
      },
      { isJson: true },
    );
    expect(exit).toBe(2);
    expect(out).toContain('"us":{"exit":0,"result":{"status":"intact","n":12345678901234567890}}');
    expect(out + err).not.toContain("hush");
    expect(JSON.parse(out)).toMatchObject({
      exit: 2,
      left_out: [],
      databases: {
        asia: { exit: 2, result: null, error: { code: "configuration" } },
        eu: { exit: 3, result: null, error: { code: "failed" } },
      },
    });
    expect(err).toContain("asia: error: postgres://me:***@asia is wrong\n");
  });

  it("that goes on writes as it goes, each line with its name", async () => {
    const text = await run(async () => (await writeOut("sealed\n"), EXIT.ok), { isGoingOn: true });
    expect(text.out.split("\n").toSorted()).toEqual(["", ...NAMES.map((name) => `${name}: sealed`)]);
    const json = await run(async () => (await writeOut('{"n":1}\n'), EXIT.ok), { isGoingOn: true, isJson: true });
    expect(json.out.split("\n").toSorted()).toEqual(["", ...NAMES.map((name) => `{"database":"${name}","n":1}`)]);
  });

  it("that is interrupted says what was done by then, and begins no further one", async () => {
    const stop = new AbortController();
    const begun: string[] = [];
    const { exit, out, err } = await run(
      async ({ name }) => {
        begun.push(name);
        if (name !== "asia") return await stopped(stop.signal);
        await writeOut('{"found":0}\n');
        setImmediate(() => stop.abort(new CommandError("interrupted", "interrupted by SIGINT")));
        return EXIT.ok;
      },
      { signal: stop.signal, isJson: true },
    );
    expect(exit).toBe(3);
    const interrupted = {
      exit: 3,
      result: null,
      error: { code: "interrupted", message: "interrupted by SIGINT" },
    };
    expect(JSON.parse(out)).toEqual({
      exit: 3,
      left_out: [],
      databases: { asia: { exit: 0, result: { found: 0 } }, eu: interrupted, us: interrupted },
    });
    expect(err).toContain("us: error: interrupted by SIGINT\n");
    stop.abort();
    begun.length = 0;
    const none = await run(async ({ name }) => (begun.push(name), EXIT.ok), { signal: stop.signal });
    expect([none.exit, begun]).toEqual([3, []]);
  });

  it("ends where nobody reads its output any more", async () => {
    const stop = new AbortController();
    stop.abort(new CommandError("output_closed", "nobody reads the output any more"));
    await expect(run(async () => EXIT.ok, { signal: stop.signal })).rejects.toThrow("nobody reads");
  });
});

const stopped = async (signal: AbortSignal): Promise<never> =>
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
