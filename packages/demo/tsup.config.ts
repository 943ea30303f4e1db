import { cp } from "node:fs/promises";
import { defineConfig } from "tsup";
import { base } from "../../tsup.base.ts";

export default defineConfig({
  ...base,
  entry: ["src/index.ts"],
  // The demo's rows where there is no repository.
  async onSuccess() {
    await cp("sample", "dist/sample", { recursive: true });
  },
});
