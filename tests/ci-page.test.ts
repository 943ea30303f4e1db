import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const root = resolve(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly uses?: string; readonly with?: Record<string, unknown> }[] }>
  >;
}

test("the jobs of docs/ci.md give the action inputs that it has, and all that it needs", () => {
  const { inputs } = parse(read("action.yml")) as { inputs: Record<string, { readonly required?: boolean }> };
  const fences = [...read("docs/ci.md").matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
  const uses = fences
    .flatMap((text) => Object.values((parse(text) as Workflow).jobs))
    .flatMap(({ steps }) => steps.filter((step) => step.uses?.startsWith("scidex/audit-chain@")));
  expect(uses).toHaveLength(2);
  const required = Object.keys(inputs).filter((name) => inputs[name]?.required === true);
  for (const { with: given = {} } of uses) {
    expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
    expect(Object.keys(given)).toEqual(expect.arrayContaining(required));
  }
});

test("workflows take no text of others into their scripts, and run with rights that are named", () => {
  for (const name of ["ci", "release"]) {
    const text = read(`.github/workflows/${name}.yml`);
    const workflow = parse(text) as Workflow & { readonly permissions?: unknown };
    expect(workflow.permissions).toBeDefined();
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps as readonly { readonly run?: string }[]);
    for (const { run = "" } of steps) expect(run).not.toContain("${{");
  }
  expect(read(".github/workflows/release.yml")).toContain("id-token: write");
});
