import { CommandError } from "@scidex/audit-command";
import type { Command } from "commander";
import type { ListenAddress } from "../endpoint/endpoint.ts";

/** Where `run` answers unless told otherwise. */
const DEFAULT_LISTEN = "127.0.0.1:9766";

/** The options that say where `run` can be asked how it is. */
export interface EndpointFlags {
  readonly listen: string;
  readonly listenName?: string;
}

export function addEndpointOptions(command: Command): Command {
  return command
    .option(
      "--listen <address>",
      "serve /metrics, /healthz and /readyz there, without authentication; off for not at all",
      DEFAULT_LISTEN,
    )
    .option(
      "--listen-name <names>",
      "comma-separated names by which it may be asked, beside its address and localhost",
    );
}

/**
 * Reads `127.0.0.1:9766`, `[::1]:9766`, `0.0.0.0:9766` or `off`.
 *
 * @returns undefined for `off`
 * @throws {CommandError} `usage`
 */
export function parseListen(text: string): ListenAddress | undefined {
  if (text === "off") return undefined;
  const [, bracketed, plain, digits] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || !(port <= 65_535))
    throw new CommandError(
      "usage",
      `--listen is ${JSON.stringify(text)}; expected an address and a port, such as ${DEFAULT_LISTEN} or [::1]:9766, or off`,
    );
  return { host, port };
}

export const parseNames = (text = ""): ReadonlySet<string> =>
  new Set(text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim().toLowerCase()])));
