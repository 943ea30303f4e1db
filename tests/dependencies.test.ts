import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** What each package may import of the others: the arrows of ARCHITECTURE.md, and nothing else. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "packages/core": [],
  "packages/command": ["core"],
  "packages/report": ["core", "reader"],
  "packages/testkit": [],
  "packages/demo": ["core", "testkit", "command"],
  "packages/schema": ["core"],
  "packages/sinks": ["core"],
  "packages/writer": ["core", "schema"],
  "packages/ledger": ["core", "command"],
  "packages/reader": ["core", "sinks"],
  "packages/verifier": ["core", "sinks", "reader", "command", "report"],
  "apps/publisher": ["core", "sinks", "reader", "verifier", "command", "report"],
  "apps/backfill": ["core", "command"],
  // Above all others.
  "apps/cli": "core schema sinks reader writer verifier ledger publisher backfill demo command report".split(" "),
};

/**
 * The folders in each package's `src`, and what each may import of its own package: other rooms, and files that stand beside
 * them. Files beside the rooms may import all of them. A folder within a room belongs to that room.
 */
const ROOMS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "packages/core": {
    place: ["errors.ts"],
    "type-change": ["units.ts"],
    succession: [
      "canonical.ts",
      "errors.ts",
      "hash.ts",
      "head-trust.ts",
      "key-file.ts",
      "note-key.ts",
      "note.ts",
      "parse-json.ts",
      "statement-text.ts",
      "statement.ts",
      "time.ts",
      "units.ts",
    ],
    tlog: [
      "base64.ts",
      "errors.ts",
      "frontier.ts",
      "hash.ts",
      "head-trust.ts",
      "inclusion.ts",
      "leaf.ts",
      "merkle.ts",
      "note-key.ts",
      "note.ts",
      "succession",
      "units.ts",
      "witness",
    ],
    witness: [
      "base64.ts",
      "errors.ts",
      "hash.ts",
      "head.ts",
      "merkle.ts",
      "note-key.ts",
      "note.ts",
      "signature-type.ts",
      "units.ts",
    ],
  },
  "packages/ledger": {
    event: ["errors.ts"],
    store: ["errors.ts", "event"],
    verify: ["errors.ts", "event", "store"],
    command: ["errors.ts", "event", "export.ts", "store", "verify"],
  },
  "packages/reader": {
    finding: [],
    database: ["finding"],
    "head-log": ["finding"],
    chain: ["database", "finding", "head-log"],
  },
  "packages/command": {
    fleet: [
      "command-error.ts",
      "database-name.ts",
      "describe-error.ts",
      "environment.ts",
      "escape-text.ts",
      "exit-code.ts",
      "nearest-name.ts",
      "progress.ts",
      "redact.ts",
      "run-command.ts",
      "settings.ts",
      "write-out.ts",
    ],
  },
  "packages/report": {
    markup: ["page-data.ts"],
    proof: ["document.ts", "markup"],
    sections: ["markup", "nights-data.ts", "page-data.ts", "proof"],
  },
  "packages/schema": {
    sql: [],
    "set-up": ["database.ts", "errors.ts", "sql-state.ts"],
    adopt: ["database.ts", "set-up"],
    repair: ["database.ts", "errors.ts", "locked-transaction.ts", "set-up", "sql-state.ts"],
    uninstall: ["database.ts", "errors.ts", "locked-transaction.ts", "set-up", "sql-state.ts"],
  },
  "packages/sinks": {
    git: ["errors.ts", "file-lock.ts", "lines.ts", "place.ts", "redact.ts", "sink.ts", "url.ts"],
    tiles: ["errors.ts", "file-sink.ts", "place.ts", "sink.ts"],
    s3: ["errors.ts", "file-sink.ts", "lines.ts", "redact.ts", "sink.ts", "tiles"],
  },
  "packages/testkit": {
    docker: ["client.ts", "testkit-error.ts"],
    embedded: ["testkit-error.ts"],
  },
  "packages/verifier": {
    coverage: [],
    rows: ["coverage"],
    bulk: ["coverage", "report", "rows"],
    structure: ["bulk", "coverage"],
    access: ["bulk", "coverage", "structure"],
    report: ["coverage", "prove", "rows", "verify-options.ts", "version.ts"],
    command: ["alerts", "coverage", "report", "verify-options.ts"],
    nights: ["command", "coverage", "report"],
    bundle: ["command", "prove", "report", "shards", "steps", "trust.ts"],
    shards: ["bulk", "command", "coverage", "report", "rows", "verify-options.ts"],
    steps: ["access", "bulk", "causes.ts", "coverage", "report", "rows", "structure", "trust.ts", "verify-options.ts"],
    prove: ["lookup.ts"],
    alerts: ["causes.ts", "coverage", "report"],
    record: [
      "coverage",
      "deadline.ts",
      "report",
      "rows",
      "trust.ts",
      "until-linked.ts",
      "verification.ts",
      "verify-options.ts",
    ],
  },
  "apps/cli": {
    text: [],
    database: ["text"],
    status: ["database", "text"],
    policy: ["database", "status", "text"],
    config: ["text"],
    proof: ["database", "status"],
    sync: ["config", "database", "text"],
    repair: ["database", "policy", "proof", "text"],
    adopt: ["database", "text"],
    commands: [
      "adopt",
      "config",
      "database",
      "demo.ts",
      "for-each-table.ts",
      "payload-file.ts",
      "policy",
      "proof",
      "repair",
      "scidex-tables.ts",
      "status",
      "sync",
      "text",
    ],
  },
  "apps/publisher": {
    capture: ["errors.ts", "record"],
    state: ["errors.ts"],
    sinks: ["divergence.ts", "errors.ts", "state"],
    sealing: ["errors.ts"],
    alerts: ["errors.ts", "state", "transaction.ts"],
    metrics: ["errors.ts"],
    endpoint: ["errors.ts", "metrics"],
    record: ["errors.ts", "state", "transaction.ts"],
    publish: [
      "alerts",
      "divergence.ts",
      "errors.ts",
      "metrics",
      "record",
      "sealing",
      "sinks",
      "state",
      "transaction.ts",
      "witness",
    ],
    witness: ["errors.ts", "state"],
    verify: ["alerts", "connect-until.ts", "errors.ts", "metrics", "sinks", "state"],
    daemon: ["alerts", "connect-until.ts", "errors.ts", "metrics", "publish", "sealing", "verify"],
    begin: ["errors.ts", "publish", "sinks", "state", "transaction.ts"],
    command:
      "alerts begin capture daemon endpoint errors.ts metrics publish sealing sinks state verify version.ts witness".split(
        " ",
      ),
  },
};

const packages = ["packages", "apps"].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
);

/** The text of each source file without its comments, by path. */
function sources(folder: string): { file: string; text: string }[] {
  return readdirSync(join(root, folder, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => ({
      file,
      text: readFileSync(join(root, folder, "src", file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ""),
    }));
}

/** What a source file imports, statically or not, types included. */
const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)"([^"]+)"/g)].map((match) => match[1] ?? "");

/** The files that each source file of a package imports of its own package. AssemblyScript leaves out the ending. */
const importsOfFiles = (folder: string): Map<string, string[]> =>
  new Map(
    sources(folder).map(({ file, text }) => [
      file,
      importsOf(text)
        .filter((name) => name.startsWith("."))
        .map((name) => join(file, "..", name).replace(/(?<!\.[a-z]+)$/, ".ts")),
    ]),
  );

/** What is first in a path: a room, or a file that stands beside the rooms. */
const roomOf = (file: string): string => file.split("/")[0] ?? "";

/** A way along imports that ends where it began; undefined where there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const follow = (file: string): readonly string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    way.push(file);
    for (const next of imports.get(file) ?? []) {
      const circle = follow(next);
      if (circle !== undefined) return circle;
    }
    way.pop();
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = follow(file);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

const ours = (folder: string): string[] => (MAY_IMPORT[folder] ?? []).map((name) => `@scidex/audit-${name}`);

test("every package has a place in the order of dependencies", () => {
  expect(new Set(packages)).toEqual(new Set(Object.keys(MAY_IMPORT)));
});

test("the order of packages has no circle", () => {
  const named = Object.entries(MAY_IMPORT).map(([folder, names]) => [folder.split("/")[1] ?? "", names] as const);
  expect(circleIn(new Map(named))).toBeUndefined();
});

test("a circle is found", () => {
  const imports = { "a.ts": ["b.ts"], "b.ts": ["c.ts", "d.ts"], "c.ts": [], "d.ts": ["c.ts", "b.ts"] };
  expect(circleIn(new Map(Object.entries(imports)))).toEqual(["b.ts", "d.ts", "b.ts"]);
});

describe.each(packages)("%s", (folder) => {
  const rooms = ROOMS[folder] ?? {};

  test("has a place in the order for each of its rooms, which has no circle", () => {
    const folders = readdirSync(join(root, folder, "src"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).toSorted()).toEqual(Object.keys(rooms).toSorted());
    expect(circleIn(new Map(Object.entries(rooms)))).toBeUndefined();
  });

  test("imports only rooms that come before", () => {
    const wrong = [...importsOfFiles(folder)].flatMap(([file, imported]) => {
      const allowed = rooms[roomOf(file)];
      return imported
        .filter((name) => allowed !== undefined && ![roomOf(file), ...allowed].includes(roomOf(name)))
        .map((name) => `${file} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  test("has no circle of imports", () => {
    expect(circleIn(importsOfFiles(folder))).toBeUndefined();
  });

  test("imports only packages that come before it", () => {
    const imported = sources(folder).flatMap(({ file, text }) =>
      importsOf(text)
        .filter((name) => name.startsWith("@scidex/"))
        .map((name) => ({ file, name: name.split("/").slice(0, 2).join("/") })),
    );
    expect(imported.filter(({ name }) => !ours(folder).includes(name))).toEqual([]);
  });

  test("stays inside its own folder", () => {
    const outside = sources(folder).flatMap(({ file, text }) =>
      importsOf(text)
        .filter((name) => name.startsWith("."))
        .filter((name) => !join(root, folder, "src", file, "..", name).startsWith(join(root, folder, "/")))
        .map((name) => `${file} imports ${name}`),
    );
    expect(outside).toEqual([]);
  });

  test("asks for no package that it may not import", () => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(
      readFileSync(join(root, folder, "package.json"), "utf8"),
    ) as { dependencies?: Record<string, string>; peerDependencies?: Record<string, string> };
    const named = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => name.startsWith("@scidex/"));
    expect(named.filter((name) => !ours(folder).includes(name))).toEqual([]);
  });
});

test("core is pure: nothing but hashing and signing from Node.js, no clock, chance, environment or input", () => {
  const impure =
    /\bprocess\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bfetch\(|\bconsole\b|\bBun\b|\bDeno\b/;
  const found = sources("packages/core").flatMap(({ file, text }) => [
    ...importsOf(text)
      .filter((name) => name !== "node:crypto" && !/^\.\.?\//.test(name))
      .map((name) => `${file} imports ${name}`),
    ...text
      .split("\n")
      .filter((line) => impure.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  ]);
  expect(found).toEqual([]);
});
