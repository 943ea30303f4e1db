import { isIPv6 } from "node:net";

/** Names that lead to this machine whatever a name server says. */
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * Whether a request is meant for us, by its Host header. A page in a browser can have a name of its own lead to a loopback
 * address, and read there what it likes (DNS rebinding): its requests carry that name. So a name must be one that was given,
 * and an address that of the socket or a loopback one.
 *
 * @param localAddress the address at which the request came in
 * @param names further names by which we are asked, in lower case
 */
export function isOwnHost(
  host: string | undefined,
  localAddress: string | undefined,
  names: ReadonlySet<string>,
): boolean {
  const name = hostname(host);
  return name !== undefined && (LOOPBACK.has(name) || names.has(name) || name === plainAddress(localAddress));
}

/** The name or address in `name`, `name:port` or `[address]:port`; undefined for anything else. */
function hostname(host: string | undefined): string | undefined {
  const [, bracketed, name] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/iu.exec(host ?? "") ?? [];
  if (bracketed !== undefined) return isIPv6(bracketed) ? bracketed.toLowerCase() : undefined;
  return name?.toLowerCase();
}

/** An IPv4 address without what IPv6 sockets put before it. */
const plainAddress = (address: string | undefined): string | undefined =>
  address?.toLowerCase().replace(/^::ffff:/, "");
