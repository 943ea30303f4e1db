import { SinkError } from "./errors.ts";
import { redact } from "./redact.ts";
import { parseS3Url, type S3Address } from "./s3/s3-url.ts";

/** What a sink's URL says. `name` is the URL in one canonical spelling and without secrets. */
export type SinkAddress =
  | { readonly kind: "file"; readonly name: string; readonly path: string }
  /** `path` is the folder of the tree's files. */
  | { readonly kind: "tiles"; readonly name: string; readonly path: string }
  | S3Address
  | {
      readonly kind: "git";
      readonly name: string;
      /** The repository: a work tree or a bare repository. */
      readonly repository: string;
      /** The log's path within the tree, with `/` between its parts. */
      readonly path: string;
      /** The remote (a configured name or a URL) that is read and pushed to. Undefined: the local branch is the log. */
      readonly push: string | undefined;
      readonly branch: string | undefined;
    };

const EXAMPLES =
  "use file:/absolute/path.log, tiles:/absolute/folder, s3://bucket/prefix, or git:/absolute/repository?path=FILE&push=REMOTE, with branch=BRANCH where it is not the default";

/**
 * Reads a sink's URL: `file:/path`, `tiles:/folder`, `s3://bucket/prefix` (with parameters, see `parseS3Url`) or
 * `git:/repository?path=FILE&push=REMOTE&branch=BRANCH` (`push` and `branch` are optional). Paths are absolute; `%xx` is decoded, so that a comma can be written as `%2C` in a list.
 *
 * @throws {SinkError} `url_invalid`
 */
export function parseSinkUrl(text: string): SinkAddress {
  const shown = redact(text);
  const bad = (why: string): SinkError =>
    new SinkError("url_invalid", `sink ${JSON.stringify(shown)}: ${why}; ${EXAMPLES}`);
  const colon = text.indexOf(":");
  const scheme = text.slice(0, Math.max(colon, 0));
  if (scheme !== "file" && scheme !== "git" && scheme !== "tiles" && scheme !== "s3")
    throw bad(scheme === "" ? "no scheme" : `the scheme ${scheme}: is not known`);
  if (scheme === "s3") return parseS3Url(text.slice(colon + 1), bad);

  const [location = "", query, ...more] = text.slice(colon + 1).split("?");
  if (more.length > 0) throw bad("more than one question mark");
  // file:///data/x is the other common spelling of file:/data/x; a host between the slashes is not.
  const path = decodePath(location.startsWith("///") ? location.slice(2) : location, bad);
  if (!path.startsWith("/") || path.startsWith("//")) throw bad("the path is not absolute");
  if (path.split("/").includes("..")) throw bad("the path contains ..");

  if (scheme === "file") {
    if (query !== undefined) throw bad("file: takes no parameters");
    if (path.endsWith("/")) throw bad("the path names a folder");
    return { kind: "file", name: `file:${path}`, path };
  }
  const folder = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  if (scheme === "tiles") {
    if (query !== undefined) throw bad("tiles: takes no parameters");
    return { kind: "tiles", name: `tiles:${folder}`, path: folder };
  }

  const parameters = new URLSearchParams(query ?? "");
  for (const key of parameters.keys()) {
    if (key !== "path" && key !== "push" && key !== "branch") throw bad(`the parameter ${key} is not known`);
    if (parameters.getAll(key).length > 1) throw bad(`the parameter ${key} is given twice`);
    if (parameters.get(key) === "") throw bad(`the parameter ${key} is empty`);
  }
  const file = parameters.get("path");
  if (file === null) throw bad("the parameter path is missing");
  const parts = file.split("/");
  if (
    parts.some((part) => part === "" || part === "." || part === ".." || /^\.git$/i.test(part)) ||
    /[\0\n\r]/.test(file)
  )
    throw bad("path must be a plain relative path within the repository");
  const push = parameters.get("push") ?? undefined;
  // An argument that begins with a dash would be read by git as an option; `ext::` remotes run commands.
  if (push !== undefined && (push.startsWith("-") || /^[^/]*::/.test(push)))
    throw bad("push must be a remote's name or URL");
  const branch = parameters.get("branch") ?? undefined;
  if (branch !== undefined && !isBranchName(branch)) throw bad("branch is not a valid branch name");
  const shownQuery = [
    `path=${file}`,
    ...(push ? [`push=${redact(push)}`] : []),
    ...(branch ? [`branch=${branch}`] : []),
  ];
  return { kind: "git", name: `git:${folder}?${shownQuery.join("&")}`, repository: folder, path: file, push, branch };
}

/**
 * Reads the URLs of several sinks.
 *
 * @throws {SinkError} `url_invalid`, also when two URLs name the same sink: its log would get every line twice.
 */
export function parseSinkUrls(urls: readonly string[]): SinkAddress[] {
  const addresses = urls.map(parseSinkUrl);
  const seen = new Set<string>();
  for (const { name } of addresses) {
    if (seen.has(name)) throw new SinkError("url_invalid", `sink ${JSON.stringify(name)} is listed twice`);
    seen.add(name);
  }
  return addresses;
}

function decodePath(path: string, bad: (why: string) => SinkError): string {
  try {
    const decoded = decodeURIComponent(path);
    if (decoded.includes("\0")) throw new URIError("NUL");
    return decoded;
  } catch {
    throw bad("the path is not validly percent-encoded");
  }
}

/** Narrower than git-check-ref-format(1): printable ASCII only, which is what an operator's configuration holds. */
function isBranchName(name: string): boolean {
  return !/[^!-}]|[~^:?*[\\]|\.\.|@\{|\/\/|\.lock(?:\/|$)|^[-/.]|[/.]$|\/\./.test(name) && name !== "@";
}
