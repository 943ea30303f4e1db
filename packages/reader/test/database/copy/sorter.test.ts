import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { Sorter } from "../../../src/database/copy/sorter.ts";

afterEach(() => vi.unstubAllEnvs());

/** A temporary folder for this test alone. */
function useFolder(name = ""): string {
  const folder = mkdtempSync(join(tmpdir(), "audit-sorter-"));
  vi.stubEnv("TMPDIR", join(folder, name));
  return folder;
}

function sorted(records: readonly Uint8Array[], memory?: number): Buffer[] {
  const sorter = new Sorter(memory);
  try {
    for (const record of records) sorter.add(record.subarray(0, 1), record.subarray(1));
    const take = sorter.records();
    const result: Buffer[] = [];
    for (let record = take(); record !== undefined; record = take()) result.push(Buffer.from(record, "latin1"));
    return result;
  } finally {
    sorter.close();
  }
}

test("gives all records in the order of their bytes, however little memory there is", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 }),
      fc.constantFrom(1, 10, 100, 1000),
      (records, memory) => {
        expect(sorted(records, memory)).toEqual(
          records.map((record) => Buffer.from(record)).toSorted((a, b) => a.compare(b)),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("sorts many runs, and records that are longer than all the memory, and than a piece of the file", () => {
  const records = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(1 + ((i * 7919) % 97), (i * 31) % 251));
  records.push(Buffer.alloc(200_000, 65), Buffer.alloc(70_000, 65), Buffer.alloc(0));
  expect(sorted(records, 500)).toEqual(records.toSorted((a, b) => a.compare(b)));
});

test("does not touch the disk while there is memory enough", () => {
  rmSync(useFolder(), { recursive: true });
  expect(sorted([Buffer.from("b"), Buffer.from("a")]).map(String)).toEqual(["a", "b"]);
});

test("leaves nothing in the temporary folder, not even while it sorts", () => {
  const folder = useFolder();
  const sorter = new Sorter(10);
  for (let i = 0; i < 100; i++) sorter.add(Buffer.from(`record ${i}`));
  expect(readdirSync(folder)).toEqual([]);
  sorter.records()();
  expect(readdirSync(folder)).toEqual([]);
  sorter.close();
  rmSync(folder, { recursive: true });
});

test("names the folder in which it cannot keep its records", () => {
  const folder = useFolder("none");
  const sorter = new Sorter(1);
  sorter.add(Buffer.from("a"));
  const failed = expect.objectContaining({
    code: "disk",
    message: expect.stringContaining(join(folder, "none")) as string,
  });
  expect(() => sorter.add(Buffer.from("b"))).toThrow(failed as Error);
  mkdirSync(join(folder, "none"));
  sorter.add(Buffer.from("b"));
  sorter.close();
  rmSync(folder, { recursive: true });
});
