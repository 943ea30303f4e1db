import { resolve } from "node:path";
import { SinkError } from "../errors.ts";
import { redact } from "../redact.ts";
import type { Repository } from "./git-repository.ts";

/** Where a git sink pushes to: a repository on this machine, or one that is reached over a network. */
export type Remote =
  | { readonly kind: "local"; readonly folder: string }
  | { readonly kind: "network"; readonly url: string; readonly pushUrl: string; readonly protocol: NetworkProtocol };

/**
 * What a remote may be reached by. `ext::` and `fd::` run commands or use descriptors, and `git://` proves nothing
 * about who answers. `file://` and paths are opened as repositories on this machine, without git's transport, which
 * would run the hooks that are configured there.
 */
export const NETWORK_PROTOCOLS = ["https", "ssh", "http"] as const;
export type NetworkProtocol = (typeof NETWORK_PROTOCOLS)[number];

/**
 * Resolves what `push=` says: a URL, a path, or the name of a remote, whose URL is read from the repository's
 * configuration as text. Whoever may write there can send the heads elsewhere, which the publisher's state shows, but
 * cannot make anything run.
 *
 * @throws {SinkError} `git` for a name that is not configured, or has several URLs; `url_invalid` for a transport that is
 *   not allowed
 */
export function resolveRemote(repository: Repository, push: string): Remote {
  if (isLocation(push)) return remoteAt(repository, push, push, "push");
  const url = onlyOne(repository, push, "url");
  if (url === undefined)
    throw new SinkError("git", `${repository.folder} has no remote named ${JSON.stringify(push)}: git remote add it`);
  return remoteAt(repository, url, onlyOne(repository, push, "pushurl") ?? url, `remote.${push}.url`);
}

/** Anything with a colon or that begins as a path does; a remote's name has neither. */
const isLocation = (text: string): boolean => text.includes(":") || /^\.{0,2}\//.test(text);

function onlyOne({ folder, settings }: Repository, name: string, what: "url" | "pushurl"): string | undefined {
  const values = settings.get(`remote.${name}.${what}`) ?? [];
  if (values.length > 1)
    throw new SinkError(
      "git",
      `${folder}: remote.${name}.${what} has ${values.length} values; expected one, because a sink is one place. Name the URL itself with push=`,
    );
  return values[0];
}

function remoteAt(repository: Repository, url: string, pushUrl: string, where: string): Remote {
  const [fetched, pushed] = [locate(repository, url, where), locate(repository, pushUrl, where)];
  if (fetched.kind === "local") {
    if (pushed.kind === "local" && pushed.folder === fetched.folder) return fetched;
  } else if (pushed.kind === "network") {
    return { ...fetched, pushUrl: pushed.url };
  }
  throw new SinkError("git", `${repository.folder}: ${where} is read at one place and pushed to another; expected one`);
}

function locate(repository: Repository, url: string, where: string): Remote {
  const wrong = (why: string): SinkError =>
    new SinkError(
      "url_invalid",
      `${repository.folder}: ${where} is ${JSON.stringify(redact(url))}, which ${why}; expected a path, or a URL with ${NETWORK_PROTOCOLS.join(":, ")}:`,
    );
  if (/[\0-\x1f]/.test(url)) throw wrong("has control characters");
  const [, scheme, rest = ""] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(url) ?? [];
  if (scheme !== undefined) {
    if (scheme === "file") return local(repository, decode(rest, wrong));
    const protocol = NETWORK_PROTOCOLS.find((known) => known === scheme);
    if (protocol === undefined) throw wrong(`has the transport ${scheme}, which is not allowed`);
    checkHost(/^(?:[^/]*@)?([^/]*)/.exec(rest)?.[1] ?? "", wrong);
    return { kind: "network", url, pushUrl: url, protocol };
  }
  if (/^[^/]*::/.test(url)) throw wrong("names a helper program");
  const [, host] = /^([^/:]+):/.exec(url) ?? [];
  if (host === undefined) return local(repository, url);
  // The short form of ssh: [user@]host:path.
  checkHost(host.slice(host.lastIndexOf("@") + 1), wrong);
  if (url.startsWith("-")) throw wrong("begins with a dash");
  return { kind: "network", url, pushUrl: url, protocol: "ssh" };
}

/** A host that begins with a dash would be an option of ssh. */
function checkHost(host: string, wrong: (why: string) => SinkError): void {
  if (host === "" || host.startsWith("-")) throw wrong("has no host");
}

const local = ({ workTree, gitDirectory }: Repository, path: string): Remote => ({
  kind: "local",
  folder: resolve(workTree ?? gitDirectory, path),
});

function decode(path: string, wrong: (why: string) => SinkError): string {
  if (!path.startsWith("/")) throw wrong("names another host");
  try {
    return decodeURIComponent(path);
  } catch {
    throw wrong("is not validly percent-encoded");
  }
}

/**
 * One spelling for all URLs of one remote repository: `host/path` in lower case, without user, port, transport and `.git`.
 * Two that differ in nothing else are taken for one: hosting services make no difference either.
 */
export function placeOfUrl(url: string): string {
  const [, , host = "", path = ""] =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:[^/]*@)?([^/]*)\/*(.*)$/.exec(url) ??
    /^()(?:[^/]*@)?([^/:]+):\/*(.*)$/.exec(url) ??
    [];
  const plain = path
    .replaceAll(/\/+/g, "/")
    .replace(/\/$/, "")
    .replace(/\.git$/i, "");
  return `${host.replace(/:\d+$/, "")}/${plain}`.toLowerCase();
}
