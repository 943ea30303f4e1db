import { redact } from "../redact.ts";
import { parseRetention, type Retention } from "./retention.ts";

/** What the URL of an `s3:` sink says. */
export interface S3Address {
  readonly kind: "s3";
  /** `s3://bucket/prefix`, with the endpoint where one is given: what is only about writing is no part of it. */
  readonly name: string;
  readonly bucket: string;
  /** What the names of all objects begin with: empty, or ended by `/`. */
  readonly prefix: string;
  /** Undefined: what the SDK's environment says, else AWS. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** How long each object is locked; undefined: as the bucket's own default says. */
  readonly retention: Retention | undefined;
}

const PARAMETERS: ReadonlySet<string> = new Set(["endpoint", "region", "retention", "mode"]);

/**
 * Reads what follows `s3:` in a sink's URL: `//bucket/prefix?endpoint=URL&region=NAME&retention=P10Y&mode=governance`; all
 * parameters are optional. Credentials have no place in it.
 *
 * @param bad makes the error
 */
export function parseS3Url(rest: string, bad: (why: string) => Error): S3Address {
  const [location = "", query, ...more] = rest.split("?");
  if (more.length > 0) throw bad("more than one question mark");
  const [, bucket = "", path = ""] = /^\/\/([^/]*)(?:\/(.*))?$/u.exec(location) ?? [];
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u.test(bucket))
    throw bad("expected s3://bucket/prefix, with a bucket's name");
  const folder = decode(path, bad).replace(/\/$/u, "");
  const parts = folder === "" ? [] : folder.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || /\p{Cc}/u.test(folder))
    throw bad("the prefix must be names with / between them");

  const parameters = new URLSearchParams(query ?? "");
  for (const key of parameters.keys()) {
    if (!PARAMETERS.has(key)) throw bad(`the parameter ${key} is not known`);
    if (parameters.getAll(key).length > 1) throw bad(`the parameter ${key} is given twice`);
    if (parameters.get(key) === "") throw bad(`the parameter ${key} is empty`);
  }
  const of = (key: string): string | undefined => parameters.get(key) ?? undefined;
  const endpoint = endpointOf(of("endpoint"), bad);
  const region = of("region");
  if (region !== undefined && !/^[a-z0-9-]{1,64}$/u.test(region)) throw bad("the region is not a region's name");
  const shown = [`s3://${bucket}`, ...parts].join("/");
  return {
    kind: "s3",
    name: redact(endpoint === undefined ? shown : `${shown}?endpoint=${endpoint}`),
    bucket,
    prefix: folder === "" ? "" : `${folder}/`,
    endpoint,
    region,
    retention: parseRetention(of("retention"), of("mode"), bad),
  };
}

function endpointOf(text: string | undefined, bad: (why: string) => Error): string | undefined {
  if (text === undefined) return undefined;
  if (!URL.canParse(text)) throw bad("the endpoint is not a URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw bad("the endpoint must begin with https:// or http://");
  if (url.username !== "" || url.password !== "")
    throw bad("the endpoint must not hold credentials: the SDK takes them from its environment");
  if (url.search !== "" || url.hash !== "") throw bad("the endpoint must have no query");
  return url.href.replace(/\/$/u, "");
}

function decode(path: string, bad: (why: string) => Error): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw bad("the path is not validly percent-encoded");
  }
}
