import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { project } from "../vitest.base.ts";

// The verifier's tests of attacks, with the findings of one check dropped: whoever makes that check unnecessary, or
// leaves it without a test, sees it here. Nothing in the product can be switched off so.
const check = JSON.stringify(process.env["AUDIT_CAMPAIGN_WITHOUT"] ?? "");

/** Where findings pass by, in whole verifications and in tests of the structure alone, and what drops them there. */
const PLACES = [
  {
    file: "/packages/reader/src/finding/findings.ts",
    after: "readonly add = (finding: Finding): void => {",
    drop: `if (finding.check === ${check}) return;`,
  },
  {
    file: "/packages/verifier/src/structure/check-structure.ts",
    after: "const [lane, second] = snapshot;",
    drop: `const all = report; report = (finding) => { if (finding.check !== ${check}) all(finding); };`,
  },
];
const verifier = project(`the verifier without ${check}`);

export default defineConfig({
  ...verifier,
  root: "packages/verifier",
  plugins: [
    {
      name: "without-a-check",
      enforce: "pre",
      transform(code, id) {
        const place = PLACES.find(({ file }) => id.endsWith(file));
        if (place === undefined) return undefined;
        if (!code.includes(place.after)) throw new Error(`${id} does not have what it had: ${place.after}`);
        return code.replace(place.after, `${place.after}\n${place.drop}`);
      },
    },
  ],
  test: {
    ...verifier.test,
    globalSetup: [resolve(import.meta.dirname, "../vitest.setup.ts")],
    maxWorkers: "100%",
    // What was made without another check must not be taken for this one.
    fsModuleCache: false,
  },
});
