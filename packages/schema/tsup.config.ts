import { cp } from "node:fs/promises";
import { defineConfig } from "tsup";
import { base } from "../../tsup.base.ts";

export default defineConfig({
  ...base,
  entry: ["src/index.ts"],
  // A symlinked folder would be left out of the packed tarball: copy the migrations.
  async onSuccess() {
    await cp("../../migrations", "dist/migrations", { recursive: true });
  },
});
