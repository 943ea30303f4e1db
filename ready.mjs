// Installs what a script of this clone needs, before it runs: `node ready.mjs run` what the programs and the demo need, `node
// ready.mjs all` what tests, builds and linters need too, which is three times as much. Where that is there, it does nothing.
// What the programs' sources are loaded with are the root's dependencies: to the packages, which bundle it, it is for development.
// It runs on whatever Node.js is on the machine; what it installs brings a newer one.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
/** What was installed last, and from which lockfile. */
const stampFile = join(root, "node_modules", ".ready.json");
const lock = createHash("sha256")
  .update(readFileSync(join(root, "pnpm-lock.yaml")))
  .digest("hex");
const stamp = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, "utf8")) : {};
// What is there by somebody's own `pnpm install` stays there.
const isByHand = stamp.what === undefined && existsSync(join(root, "node_modules"));
const wanted = process.argv[2] === "all" || stamp.what === "all" || isByHand ? "all" : "run";

if (stamp.lock !== lock || stamp.what !== wanted) {
  const only = ["--prod", "--filter", "audit-chain..."];
  const size = wanted === "all" ? "everything for tests and builds, some 900 MB" : "what runs, some 300 MB";
  const args = ["install", "--frozen-lockfile", ...(wanted === "all" ? [] : only)];
  // Whoever reads what a script prints is not to read this.
  const isWatched = process.stderr.isTTY;
  if (isWatched) console.error(`installing ${size}, into node_modules of this clone`);
  const { status, error } = spawnSync("pnpm", isWatched ? args : [...args, "--silent"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error(`pnpm ${args.join(" ")} failed${error ? `: ${error.message}` : ""}; run it by hand to see why`);
    process.exit(3);
  }
  writeFileSync(stampFile, JSON.stringify({ what: wanted, lock }));
}
