/**
 * Builds docs/api, a page for each published package, from the docstrings of what its entries export. It is not in git.
 *
 * usage: node make.ts [FOLDER]
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Application, type DeclarationReflection, LogLevel } from "typedoc";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | { readonly source: string }>>;
}

const root = resolve(import.meta.dirname, "..");
const target = resolve(process.argv[2] ?? join(root, "docs/api"));

/** The name of each entry's page, by its source file. Commands' entries export nothing that is documented. */
const pages = new Map(
  ["packages", "apps"]
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .flatMap((path) => {
      const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Manifest;
      if (manifest.private === true) return [];
      return Object.entries(manifest.exports).flatMap(([entry, file]) => {
        if (typeof file === "string" || entry === "./cli") return [];
        const name = `${manifest.name.replace("@scidex/", "")}${entry === "." ? "" : `-${entry.slice(2)}`}`;
        return [[join(path, file.source), name] as const];
      });
    }),
);

const app = await Application.bootstrapWithPlugins({
  entryPoints: [...pages.keys()],
  plugin: ["typedoc-plugin-markdown"],
  tsconfig: join(import.meta.dirname, "tsconfig.json"),
  basePath: root,
  name: "API reference",
  readme: "none",
  // Line numbers would change the pages with every edit.
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  hideGenerator: true,
  // What a signature names, and no entry exports, is an implementation's own.
  validation: {
    notExported: false,
    invalidLink: false,
    invalidPath: true,
    rewrittenLink: true,
    notDocumented: false,
    unusedMergeModuleWith: true,
  },
  sort: ["kind", "alphabetical"],
  logLevel: LogLevel.Warn,
  treatWarningsAsErrors: false,
  skipErrorChecking: false,
});
for (const [name, value] of Object.entries({
  entryFileName: "README",
  outputFileStrategy: "modules",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  hidePageTitle: false,
  useCodeBlocks: true,
  parametersFormat: "list",
  interfacePropertiesFormat: "list",
}))
  app.options.setValue(name, value);

const project = await app.convert();
if (project === undefined) throw new Error("the sources cannot be read");
for (const module of project.children ?? []) module.name = nameOf(module);
rmSync(target, { recursive: true, force: true });
await app.outputs.writeOutput({ name: "markdown", path: target }, project);
process.exitCode = app.logger.hasErrors() ? 1 : 0;

/** TypeDoc names a module by its file's path, without the ending and without `/index`. */
function nameOf(module: DeclarationReflection): string {
  for (const [file, name] of pages)
    if (relative(root, file).replace(/(?:\/index)?\.ts$/, "") === module.name) return name;
  throw new Error(`there is no page for ${module.name}`);
}
