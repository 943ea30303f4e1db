import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { checkReplaceable, databaseName, replaceFile } from "../src/index.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "audit-command-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe("a file that a command writes at its end", () => {
  it("is tried out without a trace, and then replaced as a whole", async () => {
    const path = join(folder(), "page.html");
    await checkReplaceable("--report", path);
    expect(readdirSync(join(path, ".."))).toEqual([]);
    await replaceFile("--report", path, "one");
    const { ino } = statSync(path);
    await checkReplaceable("--report", path);
    expect(readFileSync(path, "utf8")).toBe("one");
    await replaceFile("--report", path, "two");
    expect([readFileSync(path, "utf8"), statSync(path).ino === ino]).toEqual(["two", false]);
    expect(readdirSync(join(path, ".."))).toEqual(["page.html"]);
  });

  it("goes where a link leads, and leaves the link", async () => {
    const place = folder();
    writeFileSync(join(place, "page.html"), "old");
    symlinkSync("page.html", join(place, "link.html"));
    await checkReplaceable("--report", join(place, "link.html"));
    await replaceFile("--report", join(place, "link.html"), "new");
    expect(readFileSync(join(place, "page.html"), "utf8")).toBe("new");
  });

  it("is refused where it cannot be made, or where something else stands", async () => {
    const place = folder();
    mkdirSync(join(place, "folder"));
    writeFileSync(join(place, "file"), "");
    for (const path of [join(place, "none", "x"), join(place, "folder"), join(place, "file", "x"), "/dev/null"]) {
      const refusal = { code: "configuration", message: expect.stringContaining(path) as string };
      await expect(checkReplaceable("--report", path)).rejects.toMatchObject(refusal);
      await expect(replaceFile("--report", path, "text")).rejects.toMatchObject({
        code: expect.stringMatching(/^(?:configuration|failed)$/u) as string,
      });
    }
    expect(readdirSync(place).toSorted()).toEqual(["file", "folder"]);
  });
});

it.each([
  ["postgres://me:hush@db.example:5432/scidex?sslmode=require", "scidex on db.example:5432"],
  ["postgresql://db/a%20b", "a b on db"],
  ["postgres://me:hu%40sh@one:1,two:2/a", "a on one:1,two:2"],
  ["postgres://me:hush@%2Fvar%2Frun/a", "a on /var/run"],
  ["postgres://host", "the default one on host"],
  ["postgres:///a%zz", "a%zz"],
])("a database is called by its name and place, without a password: %s", (url, name) => {
  expect(databaseName(url)).toBe(name);
});
