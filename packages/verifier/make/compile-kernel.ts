import { join } from "node:path";
import { main } from "assemblyscript/asc";

/** What is compiled, from the package's folder on. */
const KERNEL_FOLDER = "src/bulk/kernel";
/** Where the compiled kernel is kept, from the package's folder on. */
export const KERNEL_FILE = "src/bulk/kernel-bytes.ts";

/** The module that the compiled kernel is kept in, as text. */
export async function compileKernel(): Promise<string> {
  let bytes = new Uint8Array();
  const options = "--optimizeLevel 3 --enable simd --runtime stub --noAssert --initialMemory 160";
  const { error } = await main(
    [
      "index.ts",
      "--outFile",
      "kernel.wasm",
      ...options.split(" "),
      "--baseDir",
      join(import.meta.dirname, "..", KERNEL_FOLDER),
    ],
    {
      writeFile: (name, contents) => {
        if (name === "kernel.wasm" && typeof contents !== "string") bytes = Uint8Array.from(contents);
      },
    },
  );
  if (error !== null || bytes.length === 0)
    throw new Error(`${KERNEL_FOLDER} does not compile: npx asc ${KERNEL_FOLDER}/index.ts says why`, { cause: error });
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,110}/gu) ?? [];
  return [
    "/** Made from kernel/ by `pnpm kernel`: WebAssembly, in base64. */",
    "export const KERNEL_BYTES: string = [",
    ...lines.map((line) => `  "${line}",`),
    '].join("");',
    "",
  ].join("\n");
}
