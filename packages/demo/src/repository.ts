import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the repository that this program runs from; undefined in an installed package. */
export function repositoryRoot(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); dirname(folder) !== folder; folder = dirname(folder)) {
    // The lock file alone could be that of a project in which this package is installed.
    const manifest = join(folder, "apps", "cli", "package.json");
    if (existsSync(join(folder, "pnpm-lock.yaml")) && existsSync(manifest)) {
      return readFileSync(manifest, "utf8").includes('"@scidex/audit-cli"') ? folder : undefined;
    }
  }
  return undefined;
}

/** A file of the samples that are shipped: in `dist/sample` in the published package, in `sample` in the source. */
export function sampleFile(name: string): string {
  for (const place of ["./sample/", "../sample/", "../../sample/"]) {
    const path = fileURLToPath(new URL(place + name, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new Error(`the package's sample ${name} is missing: install it again`);
}
