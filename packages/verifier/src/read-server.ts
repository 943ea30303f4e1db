import { SYSTEM_IDENTIFIER } from "./database/plan/catalog-forms.ts";
import type { Lane } from "./snapshot.ts";

/** The system identifier of the server's cluster, decimal; null where it does not say. */
export async function readSystemIdentifier(lane: Lane): Promise<string | null> {
  const [identifier] = await lane.rows(SYSTEM_IDENTIFIER, 1, ([value]) =>
    value?.length === 8 ? BigInt.asUintN(64, value.readBigInt64BE()).toString() : null,
  );
  return identifier ?? null;
}
