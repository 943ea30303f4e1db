import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const root = resolve(import.meta.dirname, "../..");

/** The verifier's tests of attacks, with the files in which these stand. */
const TESTS = {
  "chain/chain-attacks.test.ts": ["chain/chain-attacks.test.ts"],
  "rows/source-attacks.test.ts": ["rows/source-attacks.test.ts"],
  "rows/change-unrecorded.test.ts": ["rows/change-unrecorded.test.ts"],
  "access/access.test.ts": ["access/access.test.ts"],
  "head-log/sink-attacks.test.ts": ["head-log/sink-attacks.test.ts"],
  "coverage/narrowings.test.ts": ["coverage/narrowings.test.ts"],
  "coverage/approval.test.ts": ["coverage/approval.test.ts"],
  "structure/structure.test.ts": ["structure/structure.test.ts", "structure/structure-attacks.ts"],
  "structure/structure-policy.test.ts": ["structure/structure-policy.test.ts"],
  "structure/structure-roles.test.ts": ["structure/structure-roles.test.ts"],
} as const;

/** Tests whose files name the check, alone or before a place: others cannot tell whether it is there. */
function testsOf(check: string): string[] {
  const named = new RegExp(`["'\`]${check}["'\` ]`, "u");
  return Object.entries(TESTS)
    .filter(([, files]) =>
      files.some((file) => named.test(readFileSync(join(root, "packages/verifier/test", file), "utf8"))),
    )
    .map(([name]) => `test/${name}`);
}

/**
 * The verifier's tests that fail when a check's findings are dropped, and do not fail else: their full names, in the order of
 * the files.
 *
 * @throws {Error} if tests could not be run, or fail without anything being dropped
 */
export async function missedTests(check: string): Promise<string[]> {
  const tests = testsOf(check);
  if (tests.length === 0) return [];
  const untried = tests.filter((file) => !passing.has(file));
  if (untried.length > 0) {
    const broken = await failedTests(untried, "");
    if (broken.length > 0) throw new Error(`a test of the verifier fails as it is: ${broken.join("; ")}`);
    for (const file of untried) passing.add(file);
  }
  return await failedTests(tests, check);
}

/** Files of tests that pass when nothing is dropped. */
const passing = new Set<string>();

async function failedTests(tests: readonly string[], without: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "audit-campaign-tests-"));
  try {
    const file = join(folder, "report.json");
    const args = ["run", ...tests, "--config", "campaign/vitest.config.ts", "--reporter=json", `--outputFile=${file}`];
    await new Promise<void>((done, fail) => {
      spawn(join(root, "node_modules/.bin/vitest"), args, {
        cwd: root,
        env: { ...process.env, AUDIT_CAMPAIGN_WITHOUT: without },
        stdio: ["ignore", "ignore", "inherit"],
      })
        .on("error", fail)
        .on("exit", () => done());
    });
    const { testResults } = JSON.parse(readFileSync(file, "utf8")) as TestReport;
    const missing = testResults.filter(({ assertionResults }) => assertionResults.length === 0);
    if (testResults.length < tests.length || missing.length > 0)
      throw new Error(`not all of ${tests.join(", ")} could be run: see what vitest wrote`);
    return testResults
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === "failed")
      .map(({ fullName }) => fullName);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
