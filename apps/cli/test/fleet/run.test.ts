// One daemon for three servers: it goes on for the others while one is away, and shows and alerts under each one's name.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PUBLISHER, type ThreeServers, threeServers } from "./three-servers.ts";

let fleet: ThreeServers;
beforeAll(async () => {
  fleet = await threeServers();
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
});

/** Starts the daemon, and returns where it listens. */
async function daemon(env: Readonly<Record<string, string>> = {}) {
  const args = ["run", "--config", fleet.config, "--json", "--listen", "127.0.0.1:0"];
  const often = ["--publish-every", "2s", "--verify-every", "2s", "--metrics", join(fleet.folder, "all.prom")];
  const child = spawn(process.execPath, ["--conditions=source", PUBLISHER, ...args, ...often], {
    env: { PATH: process.env["PATH"], ...fleet.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = once(child, "close").then(([code]) => code as number | null);
  const url = await until(
    async () => await Promise.resolve(/"url":"([^"]+)"/u.exec(out)?.[1]),
    () => out + err,
  );
  return { url, stop: async () => (child.kill("SIGTERM"), await ended), output: () => out, errors: () => err };
}

async function until<T>(look: () => Promise<T | undefined | false>, said: () => string): Promise<T> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`it did not come to that: ${said()}`);
    await sleep(200);
  }
}

interface Readiness {
  readonly ready: boolean;
  readonly databases: Readonly<Record<string, { readonly isReady: boolean }>>;
}
const readiness = async (url: string) => (await (await fetch(`${url}/readyz`)).json()) as Readiness;
const ready = async (url: string) =>
  Object.fromEntries(Object.entries((await readiness(url)).databases).map(([name, { isReady }]) => [name, isReady]));
const metric = async (url: string, series: string): Promise<number | undefined> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
};
const published = (name: string) => `audit_chain_head_seq{run="publish",database="${name}"}`;

describe("a daemon for a fleet", () => {
  it("goes on for the others while a server is away, and again for that one when it is back", async () => {
    const bodies: string[] = [];
    const hook = createServer((request, response) => {
      request.setEncoding("utf8").on("data", (text: string) => bodies.push(text));
      request.on("end", () => response.end());
    });
    hook.listen(0, "127.0.0.1");
    await once(hook, "listening");
    const { port } = hook.address() as AddressInfo;
    const { url, stop, output, errors } = await daemon({
      AUDIT_ALERT_WEBHOOK: `http://127.0.0.1:${port}/hook`,
      AUDIT_WEBHOOK_SECRET: "a secret of sixteen characters",
    });
    const said = (): string => output() + errors();
    try {
      await until(async () => (await readiness(url)).ready, said);
      expect(await ready(url)).toEqual({ asia: true, eu: true, us: true });
      const before = (await metric(url, published("us"))) ?? Number.NaN;
      expect(before).toBeGreaterThan(20);

      await fleet.servers.eu.kill();
      await fleet.attack("us", "insert into public.orders values (21, 'us 21')");
      await until(async () => (await metric(url, published("us"))) === before + 1, said);
      await until(async () => (await ready(url))["eu"] === false, said);
      expect(await ready(url)).toEqual({ asia: true, eu: false, us: true });
      expect((await fetch(`${url}/readyz`)).status).toBe(503);
      expect(await metric(url, 'audit_chain_run_status{run="publish",database="eu",status="failed"}')).toBe(1);
      expect(await metric(url, 'audit_chain_run_status{run="publish",database="us",status="intact"}')).toBe(1);

      await fleet.attack("asia", "set session_replication_role = replica; delete from public.orders where id = 7");
      const alert = await until(
        async () => await Promise.resolve(bodies.find((text) => text.includes("source_deleted"))),
        said,
      );
      expect(alert).toContain('"origin":"example.org/asia"');

      await fleet.servers.eu.start();
      await until(async () => (await ready(url))["eu"], said);
    } finally {
      expect(await stop()).toBe(0);
      hook.close();
    }
    const lines = output()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { database: string });
    expect(new Set(lines.map(({ database }) => database))).toEqual(new Set(["asia", "eu", "us"]));
  });

  it("does its work for the others where one has no key, and is not ready", async () => {
    await rm(join(fleet.folder, "asia.key"));
    const { url, stop, output, errors } = await daemon();
    try {
      await until(
        async () => (await ready(url))["us"],
        () => output() + errors(),
      );
      await until(
        async () => (await ready(url))["eu"],
        () => output() + errors(),
      );
      expect(await ready(url)).toEqual({ asia: false, eu: true, us: true });
      expect(errors()).toMatch(/^asia: error: .*asia\.key/mu);
      expect(await metric(url, 'audit_chain_run_status{run="publish",database="asia",status="failed"}')).toBe(1);
    } finally {
      expect(await stop()).not.toBe(0);
    }
  });
});
