import { eachTuple, type Lane } from "@scidex/audit-reader";
import { readShape, SECRET_COLUMNS, hasColumns } from "./shape.ts";

const SECRET_BYTES = 32;

/** The secret under which the keys of a kind are blinded; null where there is none, or more than one. */
export async function readSecret(lane: Lane, kind: string): Promise<Uint8Array | null> {
  const table = await readShape(lane, lane.place.schema, "audit_chain_secret");
  if (!hasColumns(table, SECRET_COLUMNS)) return null;
  const secrets: Uint8Array[] = [];
  await eachTuple(await lane.scan(table, ["event_kind", "secret"], "binary"), 2, ([name, secret]) => {
    if (name?.toString() === kind) secrets.push(Uint8Array.from(secret ?? []));
  });
  const [secret, ...others] = secrets;
  return secret?.length === SECRET_BYTES && others.length === 0 ? secret : null;
}
