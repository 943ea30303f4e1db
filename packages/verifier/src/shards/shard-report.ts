/**
 * A shard's report: the report of a run, and what binds it to the other shards of the same verification.
 *
 *     {"status":"intact", …,
 *      "shard":{"number":2,"of":4,"starts_after":"<64 hex>","tracked":["orders"],
 *               "sums":{"blocks":{"first":1200,"last":2400},"links":[{"kind":"note","count":5000,"sum":"<32 hex>"}],
 *                       "keys":{"count":5000,"sum":"<32 hex>"},
 *                       "index":{"from":["note","2500"],"to":["note","7500"],"count":5001,"sum":"<32 hex>"},
 *                       "tables":[{"kind":"note","rows":{"count":5000,"sum":"<32 hex>"}}],"is_in_order":false},
 *               "bound":{"allow_unanchored":false,"checks":["heads","links"],"end":{"chain_hash":"<64 hex>","seq":400000},
 *                        "from":1,"has_state":true,"heads":"<64 hex>","keys":["<name>+<key ID>"],"max_head_age_ms":86400000,
 *                        "of":4,"origin":"scidex.ai/audit-chain","policy":"<64 hex>","run":"17",
 *                        "server":{"database":"app","system_identifier":"7577064117291318723"},"to":null,
 *                        "trust_policy":null,"version":"0.1.0"},
 *               "mac":"<64 hex>"}}
 *
 * `bound` is the same in all shards of one verification: what was asked for, by which policy and keys, of which database, up to
 * which published head. `starts_after` is the chain hash that the shard's first link follows, and so the last one of the shard
 * before. `tracked` are the kinds of tables whose rows change. `sums` is what it adds to the sums of all shards (merge-sums.ts). `mac` is HMAC-SHA256 under the run's secret of the canonical JSON of the report without `mac`: whoever can put a
 * file among the others cannot make one.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalJson, jsonForm, jsonText, parseJson, type Seq } from "@scidex/audit-core";
import type { VerificationReport } from "../report/verification-report.ts";
import type { ShardSums } from "../report/shard-sums.ts";
import type { VerifiedShard } from "./verified-shard.ts";

/** What is the same in all shards of one verification. */
interface ShardBound extends Omit<VerifiedShard, "startsAfter" | "tracked" | "sums"> {
  /** What the scheduler calls the run. */
  readonly run: string;
  readonly of: number;
  readonly from: Seq;
  /** Null for the end of the chain. */
  readonly to: Seq | null;
  readonly checks: readonly string[];
  readonly origin: string | null;
  /** Name and key ID of each, sorted. */
  readonly keys: readonly string[];
  /** SHA-256 of the policy file; null without one. */
  readonly policy: string | null;
  /** SHA-256 of the trust policy's file; null without one. */
  readonly trustPolicy: string | null;
  /** Whether it remembers what the sinks held before. */
  readonly hasState: boolean;
  readonly allowUnanchored: boolean;
  readonly maxHeadAgeMs: number;
  /** The verifier's, which has the manifests that it compares with. */
  readonly version: string;
}

/** What a shard adds to its report. */
interface ShardPart {
  readonly number: number;
  readonly of: number;
  /** Null where the link before is missing. */
  readonly startsAfter: string | null;
  readonly tracked: readonly string[];
  /** Null where the shard has compared all its tables in order. */
  readonly sums: ShardSums | null;
}

/** A report as JSON, of which nothing has been verified but that it is an object. */
export type ReportJson = { readonly [name: string]: unknown };

/** The line of a shard's report. */
export function formatShardReport(
  report: VerificationReport,
  shard: ShardPart & { readonly bound: ShardBound },
  secret: string,
): string {
  const json = jsonForm({ ...report, shard }) as ReportJson;
  return jsonText({ ...json, shard: { ...(json["shard"] as object), mac: macOf(json, secret) } });
}

/**
 * The report of a line, whose MAC has been checked.
 *
 * @throws {Error} saying what is wrong with it
 */
export function openShardReport(text: string, secret: string): ReportJson {
  const value = parseJson(text.trimEnd());
  const shard = isObject(value) ? value["shard"] : undefined;
  if (!isObject(value) || !isObject(shard))
    throw new Error("it is no shard's report: expected what audit-verify --shard K/N --json has printed");
  const { mac, ...signed } = shard;
  if (typeof mac !== "string") throw new Error("it has no MAC: run the shards with --run and AUDIT_SHARD_SECRET");
  const expected = Buffer.from(macOf({ ...value, shard: signed }, secret));
  const actual = Buffer.from(mac);
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected))
    throw new Error("its MAC does not hold: it was changed, or made under another secret");
  return value;
}

const macOf = (report: ReportJson, secret: string): string =>
  createHmac("sha256", secret).update(canonicalJson(report)).digest("hex");

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
