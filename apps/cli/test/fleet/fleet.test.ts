// Three servers in one file: what works on all of them, and goes on where one of them has died.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jsonOf } from "../run-cli.ts";
import { PUBLISHER, type ThreeServers, threeServers } from "./three-servers.ts";

interface Member {
  readonly exit: number;
  readonly result: { readonly status?: string; readonly published?: { readonly seq: number } } | null;
  readonly error?: { readonly code: string; readonly message: string };
}
interface Answer {
  readonly exit: number;
  readonly left_out: readonly string[];
  readonly databases: Readonly<Record<string, Member>>;
}

let fleet: ThreeServers;
beforeAll(async () => {
  fleet = await threeServers();
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

const exits = ({ databases }: Answer) => Object.entries(databases).map(([name, { exit }]) => [name, exit]);
const json = async (args: readonly string[], env = {}, program?: string): Promise<Answer> => {
  const ended = await fleet.run([...args, "--json"], env, program);
  const answer = jsonOf(ended) as Answer;
  expect(answer.exit).toBe(ended.code);
  return answer;
};
const publish = () => json(["publish", "--config", fleet.config]);
const verify = (...more: string[]) => json(["verify", "--fleet", fleet.config, ...more]);
const ALL = (exit: number) => ["asia", "eu", "us"].map((name) => [name, exit]);

describe("a fleet of three servers", () => {
  it("is published, each with a log of its own", async () => {
    const answer = await publish();
    expect(exits(answer)).toEqual(ALL(0));
    expect(answer.databases["eu"]?.result?.published?.seq).toBeGreaterThan(20);
  });

  it("is verified, without the publisher's keys", async () => {
    const answer = await verify();
    expect(exits(answer)).toEqual(ALL(0));
    expect(answer.databases["us"]?.result).toMatchObject({ status: "intact", origin: "example.org/us" });
  });

  it("is shown to people under each one's name, with the worst at the end", async () => {
    const { code, stdout, stderr } = await fleet.run(["verify", "--fleet", fleet.config]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(0, -1).every((line) => /^(asia|eu|us): /u.test(line))).toBe(true);
    expect(lines.at(-1)).toBe("3 of 3 databases ended with 0");
  });

  it("has a status, and is compared with the file", async () => {
    const env = { AUDIT_CONFIG: fleet.config };
    expect(exits(await json(["status"], env))).toEqual(ALL(0));
    expect(exits(await json(["sync", "--check"], env))).toEqual(ALL(0));
  });

  it("can be narrowed, and says what it has left out", async () => {
    const answer = await verify("--only", "eu,us");
    expect(answer).toMatchObject({ left_out: ["asia"] });
    expect(exits(answer)).toEqual([
      ["eu", 0],
      ["us", 0],
    ]);
    const wrong = await fleet.run(["verify", "--fleet", fleet.config, "--only", "asai"]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("did you mean asia?") as string });
  });
});

describe("when one of them dies", () => {
  beforeAll(async () => {
    await fleet.servers.eu.kill();
  });
  afterAll(async () => {
    await fleet.servers.eu.start();
  });

  it("the others are published, verified, shown and compared all the same", async () => {
    await fleet.attack("us", "insert into public.orders values (21, 'us 21')");
    const env = { AUDIT_CONFIG: fleet.config };
    const answers = [
      await publish(),
      await verify(),
      await json(["verify", "--config", fleet.config], {}, PUBLISHER),
      await json(["status"], env),
      await json(["sync", "--check"], env),
    ];
    for (const answer of answers) {
      expect(exits(answer)).toEqual([
        ["asia", 0],
        ["eu", 3],
        ["us", 0],
      ]);
      expect(answer.exit).toBe(3);
      expect(answer.databases["eu"]).toMatchObject({ result: null, error: { code: "unavailable" } });
    }
  });

  it("tampering with another one is what the fleet ends with", async () => {
    await fleet.attack(
      "us",
      "set session_replication_role = replica; update public.orders set item = 'x' where id = 3",
    );
    const page = join(fleet.folder, "overview.html");
    const answer = await verify("--overview", page);
    expect(answer.exit).toBe(1);
    const html = await readFile(page, "utf8");
    expect(html.replaceAll(/<[^>]*>/gu, " ")).toMatch(/us\s+tampered.*eu\s+not verified.*asia\s+intact/su);
    expect(html).toContain("cannot connect to");
    expect(exits(answer)).toEqual([
      ["asia", 0],
      ["eu", 3],
      ["us", 1],
    ]);
    await fleet.attack(
      "us",
      "set session_replication_role = replica; update public.orders set item = 'us 3' where id = 3",
    );
  });
});
