import { CoreError } from "../src/index.ts";

/** The code of the CoreError that a call throws, or "none". Any other error is passed on: it would be a crash. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof CoreError) return error.code;
    throw error;
  }
  return "none";
}
