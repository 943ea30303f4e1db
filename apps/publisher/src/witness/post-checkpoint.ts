import { MAX_WITNESS_ANSWER_BYTES } from "@scidex/audit-core";
import { messageOf } from "../errors.ts";

/** What a witness has answered, or why there is no answer. */
export type Answer =
  | { readonly status: number; readonly contentType: string; readonly body: string }
  | { readonly failure: string };

/** Posts a request to a witness, once. Never throws: witnesses come and go. */
export async function postCheckpoint(
  endpoint: URL,
  body: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<Answer> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "text/plain; charset=utf-8" },
      body,
      // What is signed is meant for this server, whose key is known.
      redirect: "manual",
      signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    });
    const answer = await readBounded(response);
    if (answer === undefined) return { failure: `its answer (${response.status}) is longer than any can be` };
    const contentType = response.headers.get("content-type") ?? "";
    return { status: response.status, contentType, body: answer };
  } catch (error) {
    if (late.aborted) return { failure: `no answer within ${timeoutMs / 1_000} s` };
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return { failure: cause instanceof Error && "code" in cause ? String(cause.code) : messageOf(cause) };
  }
}

/** The body as text; undefined where it does not end in time. What is not UTF-8 becomes a text that nobody has signed. */
async function readBounded(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    // Leaving the loop cancels what is still to come.
    if (length > MAX_WITNESS_ANSWER_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
