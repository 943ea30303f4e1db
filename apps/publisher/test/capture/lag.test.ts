import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { LagMeter } from "../../src/capture/lag.ts";
import { parseMetrics } from "../../src/metrics/metrics.ts";
import { captured } from "./capturing.ts";

test("what was written at first and is not linked says for how long; linked, nothing waits", () => {
  const meter = new LagMeter();
  expect(meter.note(100n, 100n, 0)).toEqual({ bytes: 0, seconds: 0 });
  expect(meter.note(150n, 100n, 5_000)).toEqual({ bytes: 50, seconds: 0 });
  expect(meter.note(150n, 100n, 10_000)).toEqual({ bytes: 50, seconds: 5 });
  expect(meter.note(170n, 120n, 15_000)).toEqual({ bytes: 50, seconds: 10 });
  // The first of the two is linked: what has been waiting is the second.
  expect(meter.note(170n, 150n, 20_000)).toEqual({ bytes: 20, seconds: 5 });
  expect(meter.note(170n, 170n, 25_000)).toEqual({ bytes: 0, seconds: 0 });
  expect(meter.note(180n, 170n, 30_000)).toEqual({ bytes: 10, seconds: 0 });
});

test("capture --metrics says how far behind it is", async () => {
  const log = await captured("create table t (id int primary key)");
  await log.attach("t");
  await log.sql.unsafe("insert into t values (1)");
  expect((await new LagMeter().measure(log.sql, 0))?.bytes).toBeGreaterThan(0);
  const file = `${log.stateFile}.prom`;
  const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
  const words = ["--conditions=source", cli, "capture", "--once", "--state", log.stateFile, "--metrics", file];
  const env = { PATH: process.env["PATH"], AUDIT_DATABASE_URL: log.database.url };
  const { stderr } = await promisify(execFile)(process.execPath, words, { env });
  expect(stderr).toBe("");
  const samples = parseMetrics(await readFile(file, "utf8"));
  expect(samples.map(({ name, labels }) => [name, labels])).toEqual(
    ["timestamp_seconds", "behind_bytes", "behind_seconds"].map((name) => [
      `audit_chain_capture_${name}`,
      { run: "capture" },
    ]),
  );
});
