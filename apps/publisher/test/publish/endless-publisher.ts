// A process that appends a row and publishes, again and again, until it is killed:
// node endless-publisher.ts DATABASE_URL KEY_FILE SINK…
// The environment's WITNESS is asked to cosign, by the policy in TRUST_POLICY.
import { randomUUID } from "node:crypto";
import { jsonForm, parseTrustPolicy } from "@scidex/audit-core";
import postgres from "postgres";
import { publishHead } from "../../src/index.ts";

const [url = "", keyFile = "", ...sinks] = process.argv.slice(2);
const database = postgres(url, { max: 3, fetch_types: false, onnotice: () => {} });
const { WITNESS: witness, TRUST_POLICY: policy } = process.env;
const witnessed =
  witness === undefined || policy === undefined
    ? {}
    : { witnesses: [witness], trustPolicy: parseTrustPolicy(Buffer.from(policy)) };
process.send?.("ready");
for (;;) {
  const key = randomUUID();
  await database`select public.audit_chain_append('thing', ${key}, sha256('x'))`;
  const { status, divergences } = await publishHead({ database, keyFile, sinks, ...witnessed });
  if (status === "tampered") process.send?.(jsonForm({ divergences }));
}
