import { CommandError } from "@scidex/audit-command";
import { CoreError, withSignatures } from "@scidex/audit-core";
import { PublisherError } from "../errors.ts";

/**
 * What `make` returns, once all keys have signed: those that lie in an ssh-agent are asked.
 *
 * @throws {PublisherError} `io` where one cannot sign; what `make` throws
 */
export async function signing<T>(make: () => T): Promise<T> {
  try {
    return await withSignatures(make);
  } catch (cause) {
    if (cause instanceof CommandError || (cause instanceof CoreError && cause.code === "signature_invalid"))
      throw new PublisherError("io", cause.message, { cause });
    throw cause;
  }
}
