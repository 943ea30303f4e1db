import {
  CreateBucketCommand,
  DeleteObjectCommand,
  type DeleteObjectCommandOutput,
  GetObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  type ObjectLockRetention,
  S3Client,
} from "@aws-sdk/client-s3";

/** `locked`: versions, each of which stays for a day. `versions`: whoever may delete can take them away. */
export type BucketKind = "locked" | "versions" | "plain";

/** A bucket of a test's own, as its owner sees it, and as somebody does who has stolen the publisher's credentials. */
export class TestBucket {
  readonly name: string;
  readonly endpoint: string;
  readonly #client: S3Client;

  constructor(name: string, endpoint: string, client: S3Client) {
    this.name = name;
    this.endpoint = endpoint;
    this.#client = client;
  }

  static async create(name: string, endpoint: string, kind: BucketKind): Promise<TestBucket> {
    const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: kind === "locked" }));
    if (kind === "versions")
      await client.send(
        new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: "Enabled" } }),
      );
    if (kind === "locked")
      await client.send(
        new PutObjectLockConfigurationCommand({
          Bucket: name,
          ObjectLockConfiguration: {
            ObjectLockEnabled: "Enabled",
            Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: 1 } },
          },
        }),
      );
    return new TestBucket(name, endpoint, client);
  }

  close(): void {
    this.#client.destroy();
  }

  url(prefix = "log", more = ""): string {
    return `s3://${this.name}/${prefix}?endpoint=${this.endpoint}${more}`;
  }

  async put(key: string, body: Uint8Array | string): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: body }));
  }

  /** The latest version; undefined where a web server would find nothing. */
  async get(key: string, version?: string): Promise<Uint8Array | undefined> {
    try {
      const request = { Bucket: this.name, Key: key, ...(version === undefined ? {} : { VersionId: version }) };
      return await (await this.#client.send(new GetObjectCommand(request))).Body?.transformToByteArray();
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchKey") return undefined;
      throw error;
    }
  }

  async remove(key: string, version?: string): Promise<DeleteObjectCommandOutput> {
    const request = { Bucket: this.name, Key: key, ...(version === undefined ? {} : { VersionId: version }) };
    return await this.#client.send(new DeleteObjectCommand(request));
  }

  async retention(key: string): Promise<ObjectLockRetention> {
    const { Retention: retention = {} } = await this.#client.send(
      new GetObjectRetentionCommand({ Bucket: this.name, Key: key }),
    );
    return retention;
  }

  /** Takes away all versions of an object, where nothing locks them. */
  async purge(key: string): Promise<void> {
    for (const version of await this.versionsOf(key)) await this.remove(key, version);
  }

  /** The newest first. */
  async versionsOf(key: string): Promise<string[]> {
    const { Versions: versions = [], DeleteMarkers: markers = [] } = await this.#client.send(
      new ListObjectVersionsCommand({ Bucket: this.name, Prefix: key }),
    );
    return [...markers, ...versions].filter(({ Key: name }) => name === key).map(({ VersionId: id }) => id ?? "");
  }

  /** The names of all objects that begin so. */
  async keys(start: string): Promise<string[]> {
    const keys = new Set<string>();
    let marker: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (;;) {
      const page = await this.#client.send(
        new ListObjectVersionsCommand({ Bucket: this.name, Prefix: start, ...marker }),
      );
      for (const { Key: key = "" } of page.Versions ?? []) keys.add(key);
      if (page.IsTruncated !== true) return [...keys].toSorted();
      marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
  }

  /** The bytes of the segments that stand at the end of those before them. */
  async logLength(prefix: string): Promise<number> {
    let length = 0;
    for (const key of await this.keys(`${prefix}chain_head.log/`)) {
      if (Number(key.split("/").at(-1)) === length) length += (await this.get(key))?.length ?? 0;
    }
    return length;
  }
}
