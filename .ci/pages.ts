/**
 * Runs the commands that the README and pages of docs/ tell a reader to type, each page in a fresh folder against a
 * PostgreSQL of its own, and compares exit codes and outputs with what the page says. pages/page.ts has the rules.
 *
 * usage: node --conditions=source .ci/pages.ts [PAGE.md…] (after a build)
 *
 * Three things are not what a reader has: the server, in place of the URL that the pages use; the repository, cloned from
 * this one's last commit; and the packages, which come from a registry on this machine, as packed here.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { startEmbedded } from "../packages/testkit/src/index.ts";
import { ROOT } from "./packages.ts";
import { type Block, blocksOf, variantsOf } from "./pages/page.ts";
import { serveRegistry } from "./pages/registry.ts";
import { runBlocks } from "./pages/session.ts";
import { packAll, readerEnvironment } from "./reader.ts";

const PAGES = ["README.md", "docs/getting-started.md", "docs/formats.md", "docs/incident.md"];

/** The database that the pages speak of. */
const DATABASE_URL = "postgres://postgres:secret@localhost:5432/app";

/** What CI runs as a step of its own, since it takes long; `.ci/run` must have that step. */
const OWN_STEPS: Readonly<Record<string, string>> = { "npx -y pnpm@12 demo": "demo", "npx -y pnpm@12 test": "test" };

const folder = mkdtempSync(join(tmpdir(), "audit-pages-"));
let failures = 0;
try {
  const named = process.argv.slice(2);
  const pages = named.length > 0 ? named : PAGES;
  await using registry = await serveRegistry(packAll(join(folder, "tarballs")));
  for (const page of pages) {
    const blocks = blocksOf(readFileSync(join(ROOT, page), "utf8")).map(withoutOwnSteps);
    for (const variant of variantsOf(blocks)) {
      const started = performance.now();
      const faults = await runPage(
        page,
        blocks.filter((block) => (block.variant ?? variant) === variant),
        registry.url,
      );
      const name = variant === undefined ? page : `${page} (${variant})`;
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      console.log(`${faults.length === 0 ? "ok   " : "FAIL "} ${name} (${seconds} s)`);
      for (const fault of faults) console.log(`FAULT ${page}, ${fault}`);
      failures += faults.length;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

function withoutOwnSteps(block: Block): Block {
  const steps = readFileSync(join(ROOT, ".ci/run"), "utf8");
  const isElsewhere = (text: string): boolean => {
    const step = OWN_STEPS[text.replace(/\s+#.*/, "")];
    if (step !== undefined && !steps.includes(`\nstep "${step}" `)) throw new Error(`.ci/run has no step "${step}"`);
    return step !== undefined;
  };
  return { ...block, commands: block.commands.filter(({ text }) => !isElsewhere(text)) };
}

async function runPage(page: string, blocks: readonly Block[], registry: string): Promise<string[]> {
  const work = mkdtempSync(join(folder, basename(page, ".md")));
  const home = join(work, "home");
  mkdirSync(home);
  await using server = await startEmbedded();
  const made = spawnSync("psql", ["--no-psqlrc", "-qc", "create database app", server.url], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.error?.message ?? made.stderr);
  const url = server.url.replace(/\/postgres$/, "/app");
  const atServer = blocks.map((block) => ({
    ...block,
    commands: block.commands.map((command) => ({ ...command, text: command.text.replaceAll(DATABASE_URL, url) })),
  }));
  return await runBlocks(atServer, join(work, "session"), home, readerEnvironment(work, home, registry));
}
