import { CommandError, sinkUrls } from "@scidex/audit-command";
import { parseSinkUrls, type SinkAddress, SinkError } from "@scidex/audit-sinks";

/** The sinks of `AUDIT_SINKS`. @throws {CommandError} `configuration` */
export function sinkAddresses(): SinkAddress[] {
  try {
    return parseSinkUrls(sinkUrls());
  } catch (cause) {
    if (!(cause instanceof SinkError)) throw cause;
    throw new CommandError("configuration", `AUDIT_SINKS: ${cause.message}`, { cause });
  }
}
