import type * as ClientS3 from "@aws-sdk/client-s3";
import { errno, SinkError } from "../errors.ts";
import type { S3Address } from "./s3-url.ts";

export type Sdk = typeof ClientS3;

export interface OpenedClient {
  readonly sdk: Sdk;
  readonly client: ClientS3.S3Client;
}

/**
 * Loads the AWS SDK, an optional peer. It takes credentials, and what the URL does not say, from its own environment.
 *
 * @throws {SinkError} `client_missing`
 */
export async function openClient({ endpoint, region }: S3Address, timeoutMs: number): Promise<OpenedClient> {
  const sdk = await import("@aws-sdk/client-s3").catch((cause: unknown) => {
    if (errno(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new SinkError(
      "client_missing",
      "an s3: sink needs the AWS SDK, which is not installed here: npm install @aws-sdk/client-s3, beside this package",
      { cause },
    );
  });
  const { env } = process;
  // Servers of one's own answer under one name, with the bucket in the path, and know no regions.
  const isOwn = [endpoint, env["AWS_ENDPOINT_URL_S3"], env["AWS_ENDPOINT_URL"]].some(Boolean);
  const isNamed = [env["AWS_REGION"], env["AWS_DEFAULT_REGION"], env["AWS_PROFILE"]].some(Boolean);
  const where = region ?? (isOwn && !isNamed ? "us-east-1" : undefined);
  const client = new sdk.S3Client({
    requestHandler: { connectionTimeout: timeoutMs, socketTimeout: timeoutMs },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(where === undefined ? {} : { region: where }),
    ...(isOwn ? { forcePathStyle: true } : {}),
  });
  return { sdk, client };
}
