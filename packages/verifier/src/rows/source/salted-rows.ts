import { SALT_BYTES, saltedHash } from "@scidex/audit-core";
import { eachTuple, type Lane, type Sorter } from "@scidex/audit-reader";
import { hasColumns, readShape, SALT_COLUMNS } from "../../coverage/shape.ts";

/*
 * A row's hash takes its salt, which stands in another table under the row's key, and the two come in no order. So both go into
 * the sorter, under the key: 01, the key, 00, then 00 and the salt, or 01 and the row with its payloads instead of their hashes.
 * A table of salted rows takes as much of the disk as it has texts.
 */

const SALT = Buffer.of(0);
const ROW = Buffer.of(1);
const HAS_KEY = Buffer.of(1);

/** Adds the salts of a kind. */
export async function addSalts(lane: Lane, kind: string, sorter: Sorter): Promise<void> {
  const table = await readShape(lane, lane.place.schema, "audit_chain_salt");
  // Without them no row is what was recorded.
  if (!hasColumns(table, SALT_COLUMNS)) return;
  const columns = SALT_COLUMNS.map(([name]) => name);
  await eachTuple(await lane.scan(table, columns, "binary"), columns.length, ([name, key, salt]) => {
    if (name?.toString() === kind && key != null && salt != null)
      sorter.add(HAS_KEY, key, SALT, SALT, salt.subarray(0, SALT_BYTES + 1));
  });
}

/** What a salted row is sorted as: its payloads, or what stands in the place of a hash. */
export function saltedParts(payloads: readonly (string | Uint8Array)[]): Uint8Array[] {
  return [
    ROW,
    ...payloads.flatMap((payload) => {
      const head = Buffer.alloc(5);
      const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
      head.writeUInt8(typeof payload === "string" ? 1 : 0);
      head.writeUInt32BE(bytes.length, 1);
      return [head, bytes];
    }),
  ];
}

/**
 * Gives the rows among sorted records with their hashes in the place of their payloads. One without a salt, or with several,
 * gets the hash of its payload alone, which no row of such a table was recorded with.
 *
 * @param payloads how many each row has
 */
export function withSalts(take: () => string | undefined, payloads: number): () => string | undefined {
  let key: string | undefined;
  let salt: Uint8Array | null = null;
  return () => {
    for (;;) {
      const record = take();
      if (record === undefined) return undefined;
      const end = record.indexOf("\0");
      const prefix = record.slice(0, end + 1);
      if (record.charCodeAt(end + 1) !== 0)
        return `${prefix}${hashed(record.slice(end + 2), payloads, prefix === key ? salt : null)}`;
      const bytes = Buffer.from(record.slice(end + 2), "latin1");
      salt = prefix === key || bytes.length !== SALT_BYTES ? null : bytes;
      key = prefix;
    }
  };
}

/** Hashes of the payloads, and what comes behind them. */
function hashed(rest: string, payloads: number, salt: Uint8Array | null): string {
  let at = 0;
  let hashes = "";
  for (let i = 0; i < payloads; i++) {
    const length = Buffer.from(rest.slice(at + 1, at + 5), "latin1").readUInt32BE();
    const bytes = rest.slice(at + 5, at + 5 + length);
    const isPayload = rest.charCodeAt(at) === 1;
    hashes += isPayload
      ? Buffer.from(saltedHash(Buffer.from(bytes, "latin1").toString(), salt)).toString("latin1")
      : bytes;
    at += 5 + length;
  }
  return `${hashes}${rest.slice(at)}`;
}
