import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseKeyFile } from "@scidex/audit-core";
import { expect, it } from "vitest";
import { look } from "../begin/begun.ts";
import { killOnce } from "../kill-once.ts";
import { linesOf, openLog } from "../log.ts";
import { parseState } from "../../src/state/state.ts";
import { rotate } from "./rotated.ts";

const PROGRAM = fileURLToPath(new URL("rotate-once.ts", import.meta.url));
const KILLS = 6;

it(`a change of the key that is killed has done nothing, or goes on, whenever it was (${KILLS} times)`, async () => {
  const log = await openLog();
  await log.append("a", "b");
  await log.publish();
  const vkey = (): string => parseKeyFile(readFileSync(log.keyFile, "utf8")).log.vkey;
  const replaced = () => parseState(readFileSync(log.stateFile, "utf8"), "").replaced;
  const said: unknown[] = [];
  const keys = new Set<string>(log.vkeys);
  for (let kill = 0; kill < KILLS; kill++) {
    said.push(...(await killOnce(PROGRAM, log, 10 + kill * 35)));
    for (const one of replaced()) for (const key of [...one.keys, ...one.by]) keys.add(key);
    const before = replaced().length;
    expect(await log.publish()).toMatchObject({ status: "intact" });
    expect(replaced()).toHaveLength(before);
    expect(vkey()).toBe(replaced().at(-1)?.by[0] ?? log.vkeys[0]);
    expect(linesOf(log.paths[1])).toEqual(linesOf(log.paths[0]));
  }
  expect(said).toEqual([]);
  const rotated = await rotate(log);
  const vkeys = [...keys, ...rotated.keys];
  expect((await look({ ...log, vkeys }, null)).report).toMatchObject({ status: "intact", divergences: [] });
}, 240_000);
