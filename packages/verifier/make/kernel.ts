/** Compiles src/bulk/kernel/ and writes src/bulk/kernel-bytes.ts. A test compares the two. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileKernel, KERNEL_FILE } from "./compile-kernel.ts";

writeFileSync(join(import.meta.dirname, "..", KERNEL_FILE), await compileKernel());
