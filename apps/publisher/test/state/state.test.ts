import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { generateKeyFile, parseKeyFile, signHead } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { generateKeyFiles } from "../../src/index.ts";
import { linesOf, openLog, ORIGIN } from "../log.ts";

describe("the publisher's state", () => {
  it("is not made in a folder that does not exist, which is said with what to run", async () => {
    const log = await openLog();
    await expect(generateKeyFiles({ origin: ORIGIN, out: `${log.folder}/no/such/key` })).rejects.toMatchObject({
      code: "configuration",
      message: `the folder ${log.folder}/no/such does not exist: make it first, for you alone: mkdir -p -m 700 ${log.folder}/no/such`,
    });
  });

  it("is made with the keys, both for their owner only, and never overwritten", async () => {
    const log = await openLog();
    for (const path of [log.keyFile, log.stateFile]) expect(statSync(path).mode & 0o777).toBe(0o600);
    const before = [readFileSync(log.keyFile, "utf8"), readFileSync(log.stateFile, "utf8")];
    await expect(generateKeyFiles({ origin: ORIGIN, out: log.keyFile })).rejects.toMatchObject({
      code: "configuration",
    });
    expect([readFileSync(log.keyFile, "utf8"), readFileSync(log.stateFile, "utf8")]).toEqual(before);
    rmSync(log.keyFile);
    await expect(generateKeyFiles({ origin: ORIGIN, out: log.keyFile })).rejects.toMatchObject({
      code: "configuration",
    });
    expect(existsSync(log.keyFile)).toBe(false);
    await expect(generateKeyFiles({ origin: "two words", out: `${log.folder}/x` })).rejects.toMatchObject({
      code: "configuration",
    });
    expect(existsSync(`${log.folder}/x.state`)).toBe(false);
  });

  it("that is lost is an error, never a first use", async () => {
    const log = await openLog();
    await log.append("1");
    rmSync(log.stateFile);
    await expect(log.publish()).rejects.toMatchObject({
      code: "state_missing",
      message: expect.stringContaining("--recover-state"),
    });
    expect(existsSync(log.stateFile)).toBe(false);
    expect(existsSync(log.paths[0])).toBe(false);
  });

  it.each([
    ["empty", ""],
    ["cut off", '{"version":1,"origin":"example.org'],
    ["of a newer version", '{"version":2}'],
    ["without a version", "{}"],
    ["of another shape", `{"version":1,"origin":"${ORIGIN}","log":{"lines":1,"digest":"00"},"head":null,"sinks":{}}`],
    [
      "of another log",
      `{"version":1,"origin":"example.org/other","log":{"lines":0,"digest":"${"0".repeat(64)}"},"head":null,"sinks":{}}`,
    ],
  ])("that is %s is an error and stays as it is", async (_, text) => {
    const log = await openLog();
    await log.append("1");
    writeFileSync(log.stateFile, text);
    await expect(log.publish()).rejects.toMatchObject({ code: "state_invalid" });
    expect(readFileSync(log.stateFile, "utf8")).toBe(text);
    expect(existsSync(log.paths[0])).toBe(false);
  });

  it("of a head that other keys have signed is an error", async () => {
    const log = await openLog();
    await log.append("1");
    await log.publish();
    writeFileSync(log.keyFile, generateKeyFile(ORIGIN).text);
    await expect(log.publish()).rejects.toMatchObject({
      code: "state_invalid",
      message: expect.stringContaining("these keys"),
    });
  });

  it("is rebuilt from the sinks when asked for, and still refuses a rewritten chain", async () => {
    const log = await openLog();
    for (const key of ["1", "2", "3"]) {
      await log.append(key);
      await log.publish();
    }
    writeFileSync(log.paths[1], `${linesOf(log.paths[1])[0]}\n`);
    rmSync(log.stateFile);
    await log.append("4");
    expect(await log.publish({ recoverState: true })).toMatchObject({ status: "intact", published: { seq: 4n } });
    expect(linesOf(log.paths[1])).toEqual(linesOf(log.paths[0]));
    expect(log.heads().map(({ seq }) => seq)).toEqual([1n, 2n, 3n, 4n]);

    rmSync(log.stateFile);
    await log.attack("delete from public.audit_chain where seq = 4");
    expect(await log.publish({ recoverState: true })).toMatchObject({
      status: "tampered",
      firstDivergence: { check: "truncated", seq: 4n },
    });
    await expect(log.publish({ recoverState: true })).rejects.toMatchObject({
      code: "recovery",
      message: expect.stringContaining("exists"),
    });
  });

  it("is not rebuilt from sinks that are empty, damaged, unreadable or of two minds", async () => {
    const log = await openLog();
    for (const key of ["1", "2"]) {
      await log.append(key);
      await log.publish();
    }
    rmSync(log.stateFile);
    const [one = "", two = ""] = linesOf(log.paths[0]);
    const refused = { code: "recovery" };
    for (const content of [
      `${two}\n`,
      `${one}\n${two.replace('"seq":2', '"seq":3')}\n`,
      `${two}\n${one}\n`,
      `${one}\nx\n`,
    ]) {
      writeFileSync(log.paths[1], content);
      await expect(log.publish({ recoverState: true })).rejects.toMatchObject(refused);
    }
    await expect(
      log.publish({ recoverState: true, sinks: [log.sinks[0], "file:/nowhere/at/all.log"] }),
    ).rejects.toMatchObject(refused);
    // The same in both: only the order of the heads is wrong.
    for (const path of log.paths) writeFileSync(path, `${two}\n${one}\n`);
    await expect(log.publish({ recoverState: true })).rejects.toMatchObject(refused);
    for (const path of log.paths) writeFileSync(path, `${one}\n${two}\n`);
    // A fork at the same seq, which somebody has signed with these keys.
    const head = log.heads().at(-1);
    if (head === undefined) throw new Error("no head");
    const before = { size: head.seq - 1n, hashes: head.proof.toReversed() };
    const leaf = { ...head.leaf, payloadHash: new Uint8Array(32) };
    const keys = parseKeyFile(readFileSync(log.keyFile, "utf8"));
    const fork = signHead({ keys, leaf, before, time: head.signedTime + 1n });
    for (const path of log.paths) writeFileSync(path, `${one}\n${two}\n${fork}\n`);
    await expect(log.publish({ recoverState: true })).rejects.toMatchObject(refused);
    for (const path of log.paths) writeFileSync(path, "");
    await expect(log.publish({ recoverState: true })).rejects.toMatchObject(refused);
    expect(existsSync(log.stateFile)).toBe(false);
  });
});

describe("the key file", () => {
  it.each([
    ["can be read by others", (path: string) => chmodSync(path, 0o640), /mode 0640.*chmod 600/],
    ["is missing", (path: string) => rmSync(path), /does not exist.*keygen/],
    ["has the wrong format", (path: string) => writeFileSync(path, "secret\n"), /wrong format/],
  ])("that %s is an error that says what to do, and nothing of the key", async (_, change, message) => {
    const log = await openLog();
    await log.append("1");
    const lines = readFileSync(log.keyFile, "utf8").trim().split("\n");
    // Whatever stands after the fourth plus: base64 has pluses of its own.
    const secrets = lines.map((line) => line.split("+").slice(4).join("+"));
    change(log.keyFile);
    const error: unknown = await log.publish().catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "configuration", message: expect.stringMatching(message) });
    expect(secrets).toHaveLength(2);
    for (const secret of secrets) expect(String(error)).not.toContain(secret);
  });

  it("of another log than AUDIT_ORIGIN says is an error", async () => {
    const log = await openLog();
    await expect(log.publish({ origin: "example.org/other" })).rejects.toMatchObject({ code: "configuration" });
  });

  it("is not enough without sinks, or with one that is listed twice", async () => {
    const log = await openLog();
    for (const sinks of [[], ["ftp:/x"], [log.sinks[0], log.sinks[0]]])
      await expect(log.publish({ sinks })).rejects.toMatchObject({ code: "configuration" });
  });
});
