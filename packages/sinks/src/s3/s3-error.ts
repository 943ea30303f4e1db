import { errno, SinkError, type SinkErrorCode } from "../errors.ts";

/** What the SDK throws where the server has answered. */
interface ServiceError extends Error {
  readonly $metadata: { readonly httpStatusCode?: number };
}

const isServiceError = (error: unknown): error is ServiceError => error instanceof Error && "$metadata" in error;

/** The HTTP status of a server's answer. */
export const statusOf = (error: unknown): number | undefined =>
  isServiceError(error) ? error.$metadata.httpStatusCode : undefined;

/** What could not be done with a bucket, in words. @param what the request and its object */
export function explainS3(cause: unknown, what: string, where: string): SinkError {
  if (cause instanceof SinkError) return cause;
  const [name, why] = cause instanceof Error ? [cause.name, cause.message || cause.name] : ["", String(cause)];
  const error = (code: SinkErrorCode, more = ""): SinkError =>
    new SinkError(code, `${where}: ${what}: ${why}${more}`, { cause });
  if (name === "NoSuchBucket")
    return error("folder_missing", " The bucket is never created: create it once, with versions and Object Lock");
  if (name === "CredentialsProviderError" || name === "CredentialsError")
    return error(
      "permission",
      "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role of the machine",
    );
  if (statusOf(cause) === 403 || statusOf(cause) === 401)
    return error(
      "permission",
      "; readers need s3:ListBucketVersions, s3:GetObject and s3:GetObjectVersion, the publisher s3:PutObject too (with retention= also s3:PutObjectRetention)",
    );
  // The SDK names a connection that was cut so, too.
  const isCut = errno(cause) === "ECONNRESET" || errno(cause) === "EPIPE";
  if ((name === "TimeoutError" && !isCut) || name === "AbortError") return error("timeout");
  if (name === "QuotaExceeded" || statusOf(cause) === 507) return error("no_space");
  if (/ObjectLockConfiguration/u.test(why))
    return error("io", "; retention= needs a bucket with Object Lock: create one with it, or leave retention= out");
  if (why === "Region is missing") return error("io", "; set AWS_REGION, or region= in the sink's URL");
  if (errno(cause) === "ECONNREFUSED" || errno(cause) === "ENOTFOUND")
    return error("io", "; the server cannot be reached: see endpoint= in the sink's URL, or AWS_ENDPOINT_URL_S3");
  return error("io");
}
