/** Two verifications with one memory end at the same moment. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EMPTY_STATE, formatState, parseState, type VerifierState } from "@scidex/audit-reader";
import { expect, it, onTestFinished } from "vitest";
import { deliverAlerts } from "../../src/alerts/index.ts";
import { replaceState } from "../../src/command/index.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "audit-at-once-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it("a finding is alerted once", async () => {
  let posted = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      posted++;
      // As long as another run needs to read the memory in between.
      setTimeout(() => response.end(), 300);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`);
  const target = {
    memory: join(newFolder(), "alerts"),
    webhook: { url, secret: "s", format: "json" as const },
    origin: "example.org/log",
    database: "app",
  };
  const finding = { check: "gap" as const, group: "links" as const, seq: 3n, message: "a link is missing" };
  const run = { report: null, divergences: [finding], isFull: true, now: new Date() };
  const outcomes = await Promise.all([1, 2, 3].map(async () => await deliverAlerts(target, run)));
  expect(posted).toBe(1);
  expect(outcomes.map(({ summary }) => summary.posted).toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
  expect(outcomes.flatMap(({ warnings }) => warnings)).toEqual([]);
});

const seen = (lines: number): VerifierState => ({
  ...EMPTY_STATE,
  sinks: new Map([["file:/a", { lines, digest: String(lines).padStart(64, "0") }]]),
  awaitedSince: 1_790_000_000_000 + lines,
});

it("what the one has seen that began later is not forgotten by the one that ends later", async () => {
  const file = join(newFolder(), "state");
  await writeFile(file, formatState(seen(3)));
  const write = async (text: string) => {
    await sleep(Math.random() * 5);
    await writeFile(file, text);
  };
  const order = [7, 12, 4, 9, 11, 5, 8, 10, 6];
  await Promise.all(
    order.map(async (lines) => await replaceState(file, { before: seen(3), after: seen(lines) }, write)),
  );
  expect(parseState(await readFile(file, "utf8"))).toMatchObject(seen(12));
  // A log that is shorter than it was when the run began is judged by that run, and by nobody else.
  await replaceState(file, { before: seen(12), after: seen(11) }, write);
  expect(parseState(await readFile(file, "utf8")).sinks).toEqual(seen(11).sinks);
});
