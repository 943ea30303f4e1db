import { main } from "assemblyscript/asc";

/** Where the compiled kernel is kept, from the package's folder on. */
export const KERNEL_FILE = "src/fast/kernel-bytes.ts";

/** The module that the compiled kernel is kept in, as text. */
export async function compileKernel(): Promise<string> {
  let bytes = new Uint8Array();
  const options = "--optimizeLevel 3 --enable simd --runtime stub --noAssert --initialMemory 160";
  const { error } = await main(
    ["index.ts", "--outFile", "kernel.wasm", ...options.split(" "), "--baseDir", `${import.meta.dirname}/assembly`],
    {
      writeFile: (name, contents) => {
        if (name === "kernel.wasm" && typeof contents !== "string") bytes = Uint8Array.from(contents);
      },
    },
  );
  if (error !== null || bytes.length === 0)
    throw new Error("assembly/ does not compile: npx asc assembly/index.ts says why", { cause: error });
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,110}/gu) ?? [];
  return [
    "/** Made from assembly/ by `pnpm kernel`: WebAssembly, in base64. */",
    "export const KERNEL_BYTES: string = [",
    ...lines.map((line) => `  "${line}",`),
    '].join("");',
    "",
  ].join("\n");
}
