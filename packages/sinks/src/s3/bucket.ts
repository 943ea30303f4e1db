import { addAbortSignal, Readable } from "node:stream";
import type { DeleteMarkerEntry, GetObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { SinkError } from "../errors.ts";
import type { FileSettings } from "../file-sink.ts";
import { openClient, type OpenedClient, type Sdk } from "./open-client.ts";
import { retainUntil } from "./retention.ts";
import { explainS3, statusOf } from "./s3-error.ts";
import type { S3Address } from "./s3-url.ts";

/** What a bucket holds under a name: one of several versions of an object, or a mark that it was deleted. */
export interface ObjectVersion {
  /** Without the sink's prefix. */
  readonly key: string;
  /** Undefined where the bucket keeps no versions. */
  readonly version: string | undefined;
  readonly etag: string;
  readonly size: number;
  /** Whether it is what a request without a version gets. */
  readonly isLatest: boolean;
  readonly isDeleteMarker: boolean;
}

/** Under which condition an object is written. */
export type Condition = { readonly ifNoneMatch: "*" } | { readonly ifMatch: string } | Record<string, never>;

/** What goes with an object, for web servers and for people. */
export interface Headers {
  readonly type: string;
  readonly cache: string;
  readonly metadata?: Record<string, string>;
}

/** What was written. */
export interface Written {
  readonly version: string | undefined;
}

/** Pages of a listing, of 1,000 versions each: more than a hundred years of hourly heads have. */
const MAX_PAGES = 1_000;

/** The objects of a sink, by the AWS SDK, which is loaded with the first request. */
export class Bucket {
  readonly #address: S3Address;
  readonly #settings: FileSettings;
  #opened: Promise<OpenedClient> | undefined;

  constructor(address: S3Address, settings: FileSettings) {
    this.#address = address;
    this.#settings = settings;
  }

  /** An object as messages name it. */
  where(key: string): string {
    return `s3://${this.#address.bucket}/${this.#address.prefix}${key}`;
  }

  /**
   * All versions of the objects whose names begin so, of each name the newest first.
   *
   * @param from the first name that is asked about; others before it may come too
   */
  async *versions(start: string, from?: string): AsyncGenerator<ObjectVersion> {
    const { prefix } = this.#address;
    const entry = (one: Pick<DeleteMarkerEntry, "Key" | "VersionId" | "IsLatest">) => ({
      key: (one.Key ?? "").slice(prefix.length),
      // "null" is what was written while the bucket kept no versions; a server without versions does not know that name.
      version: one.VersionId === "null" && one.IsLatest === true ? undefined : one.VersionId,
      isLatest: one.IsLatest === true,
    });
    let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } =
      from === undefined ? {} : { KeyMarker: `${prefix}${justBefore(from)}` };
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const page = await this.#send(`listing ${start}`, async (sdk, client, abortSignal) => {
        const request = { Bucket: this.#address.bucket, Prefix: `${prefix}${start}`, ...marker };
        return await client.send(new sdk.ListObjectVersionsCommand(request), { abortSignal });
      });
      for (const one of page.DeleteMarkers ?? []) yield { ...entry(one), etag: "", size: 0, isDeleteMarker: true };
      for (const one of page.Versions ?? [])
        yield { ...entry(one), etag: one.ETag ?? "", size: one.Size ?? 0, isDeleteMarker: false };
      if (page.IsTruncated !== true) return;
      marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      if (marker.KeyMarker === undefined)
        throw new SinkError(
          "io",
          `${this.where(start)}: the server cuts a listing off and does not say where it goes on`,
        );
    }
    throw new SinkError(
      "io",
      `${this.where(start)} has more than ${MAX_PAGES} pages of versions: somebody has filled it`,
    );
  }

  /** The bytes of a version, in chunks. */
  async *chunks(object: Pick<ObjectVersion, "key" | "version">): AsyncGenerator<Uint8Array> {
    const what = `reading ${object.key}`;
    const { body, abortSignal } = await this.#send(what, async (sdk, client, abortSignal) => {
      const { Body: body } = await client.send(new sdk.GetObjectCommand(this.#named(object)), { abortSignal });
      return { body, abortSignal };
    });
    try {
      yield* streamOf(body, abortSignal);
    } catch (error) {
      if (abortSignal.aborted) throw this.#explained(abortSignal.reason, what);
      throw this.#explained(error, what);
    }
  }

  /** The bytes of a version; of one that is longer than the limit, one too many. */
  async bytes(object: Pick<ObjectVersion, "key" | "version">, limit: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.chunks(object)) {
      parts.push(chunk);
      length += chunk.length;
      if (length > limit) break;
    }
    return Buffer.concat(parts).subarray(0, limit + 1);
  }

  /** What was said of a version when it was written. */
  async metadata(object: Pick<ObjectVersion, "key" | "version">): Promise<Record<string, string>> {
    const { Metadata: metadata } = await this.#send(`reading ${object.key}`, async (sdk, client, abortSignal) =>
      client.send(new sdk.HeadObjectCommand(this.#named(object)), { abortSignal }),
    );
    return metadata ?? {};
  }

  /**
   * Writes an object.
   *
   * @returns undefined where the condition does not hold
   */
  async put(key: string, bytes: Uint8Array, condition: Condition, headers: Headers): Promise<Written | undefined> {
    const { retention } = this.#address;
    const request = {
      ...this.#named({ key, version: undefined }),
      Body: bytes,
      ContentType: headers.type,
      CacheControl: headers.cache,
      ...(headers.metadata === undefined ? {} : { Metadata: headers.metadata }),
      ...("ifNoneMatch" in condition ? { IfNoneMatch: condition.ifNoneMatch } : {}),
      ...("ifMatch" in condition ? { IfMatch: condition.ifMatch } : {}),
      ...(retention === undefined
        ? {}
        : { ObjectLockMode: retention.mode, ObjectLockRetainUntilDate: retainUntil(retention, new Date()) }),
    };
    return await this.#send(`writing ${key}`, async (sdk, client, abortSignal) => {
      try {
        const { VersionId: version } = await client.send(new sdk.PutObjectCommand(request), { abortSignal });
        return { version };
      } catch (error) {
        // 412: somebody was first. 409: somebody is writing it just now. 404: what should match is gone.
        const isOver = statusOf(error) === 412 || statusOf(error) === 409;
        if (isOver || ("ifMatch" in condition && error instanceof Error && error.name === "NoSuchKey"))
          return undefined;
        throw error;
      }
    });
  }

  /** The host that the requests go to. */
  async host(): Promise<string> {
    const { client } = await this.#open();
    const endpoint = await client.config.endpoint?.();
    return endpoint === undefined ? "" : `${endpoint.hostname}:${endpoint.port ?? endpoint.protocol}`;
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    opened?.client.destroy();
  }

  #named({ key, version }: Pick<ObjectVersion, "key" | "version">) {
    return { Bucket: this.#address.bucket, Key: `${this.#address.prefix}${key}`, VersionId: version };
  }

  async #send<T>(what: string, send: (sdk: Sdk, client: S3Client, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, timeoutMs } = this.#settings;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const { sdk, client } = await this.#open();
      return await send(sdk, client, signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
    } catch (error) {
      throw this.#explained(error, what);
    }
  }

  #explained(error: unknown, what: string): SinkError {
    if (this.#settings.signal?.aborted === true)
      return new SinkError("aborted", `${this.#address.name}: stopped while ${what}`, { cause: error });
    return explainS3(error, what, this.#address.name);
  }

  async #open(): Promise<OpenedClient> {
    this.#opened ??= openClient(this.#address, this.#settings.timeoutMs);
    return await this.#opened;
  }
}

/** @param signal ends it, also where the server has fallen silent in the middle of it */
async function* streamOf(body: GetObjectCommandOutput["Body"], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  // In Node.js it is a stream, which is destroyed where the walk ends early.
  if (body instanceof Readable) yield* addAbortSignal(signal, body) as AsyncIterable<Uint8Array>;
}

/** A name that sorts just before a name of digits, and behind all that are lower. */
const justBefore = (key: string): string =>
  `${key.slice(0, -1)}${String.fromCharCode(key.charCodeAt(key.length - 1) - 1)}`;
