import { readFileSync } from "node:fs";

/** A file below the repository's vectors/. Its form is documented in vectors/README.md. */
export function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), "utf8"));
}

/** An entry of vectors/negative/. */
export interface Negative {
  readonly name: string;
  readonly code: string;
}
