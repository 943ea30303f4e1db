import { randomBytes } from "node:crypto";
import {
  catalogRelation,
  type Chunks,
  indexForm,
  type Lane,
  type ReportFinding,
  VerifierError,
} from "@scidex/audit-reader";
import { TAG_KEY_BYTES } from "../../bulk/kernel.ts";
import { isSameSum, type TakeTuple, TupleAdder, type TupleSum } from "../../bulk/tuple-adder.ts";

/** An index of a catalog, with its columns in their order: the same in every version. */
interface CatalogIndex {
  readonly oid: number;
  readonly name: string;
  readonly columns: readonly string[];
  readonly isUnique: boolean;
}

const unique = (oid: number, name: string, ...columns: string[]): CatalogIndex => ({
  oid,
  name,
  columns,
  isUnique: true,
});
const plain = (oid: number, name: string, ...columns: string[]): CatalogIndex => ({
  oid,
  name,
  columns,
  isUnique: false,
});

/**
 * The indexes by which the server finds what steers it: a table's triggers, rules, policies, columns, indexes,
 * constraints and children, and the function or relation that a name or oid means.
 */
const INDEXES: Readonly<Record<string, readonly CatalogIndex[]>> = {
  pg_trigger: [
    unique(2701, "pg_trigger_tgrelid_tgname_index", "tgrelid", "tgname"),
    unique(2702, "pg_trigger_oid_index", "oid"),
  ],
  pg_rewrite: [unique(2693, "pg_rewrite_rel_rulename_index", "ev_class", "rulename")],
  pg_policy: [unique(3258, "pg_policy_polrelid_polname_index", "polrelid", "polname")],
  pg_inherits: [
    plain(2187, "pg_inherits_parent_index", "inhparent"),
    unique(2680, "pg_inherits_relid_seqno_index", "inhrelid", "inhseqno"),
  ],
  pg_constraint: [
    unique(2665, "pg_constraint_conrelid_contypid_conname_index", "conrelid", "contypid", "conname"),
    unique(2667, "pg_constraint_oid_index", "oid"),
  ],
  pg_index: [
    plain(2678, "pg_index_indrelid_index", "indrelid"),
    unique(2679, "pg_index_indexrelid_index", "indexrelid"),
  ],
  pg_attribute: [
    unique(2658, "pg_attribute_relid_attnam_index", "attrelid", "attname"),
    unique(2659, "pg_attribute_relid_attnum_index", "attrelid", "attnum"),
  ],
  pg_proc: [
    unique(2690, "pg_proc_oid_index", "oid"),
    unique(2691, "pg_proc_proname_args_nsp_index", "proname", "proargtypes", "pronamespace"),
  ],
  pg_class: [
    unique(2662, "pg_class_oid_index", "oid"),
    unique(2663, "pg_class_relname_nsp_index", "relname", "relnamespace"),
  ],
};

/**
 * Reads each catalog that the server reads by index in two ways: by each of these indexes, and without any. A row that
 * only one reading has is hidden from the server or from us. No key of a unique index may be there twice.
 */
export async function compareCatalogIndexes(lane: Lane, report: ReportFinding): Promise<void> {
  const { manifest } = await lane.catalog();
  const tagKey = randomBytes(TAG_KEY_BYTES);
  for (const [catalog, indexes] of Object.entries(INDEXES)) {
    const relation = catalogRelation(manifest, catalog);
    for (const index of indexes) {
      const byScan = await lane.attempt(
        async (attempt) => await addUp(await attempt.scan(relation, index.columns, "binary"), catalog, tagKey),
      );
      const byIndex = await lane.attempt(async (attempt) => {
        await attempt.plan(["enable_seqscan = off", "enable_indexscan = on", "enable_indexonlyscan = on"]);
        const rows = await attempt.read(indexForm(relation, index.oid, index.columns), "binary");
        return await addUp(rows, catalog, tagKey, index.isUnique);
      });
      const isSame = isSameSum(byScan, byIndex);
      if (isSame && !byIndex.hasRepeats) continue;
      report({
        check: "catalog_changed",
        expected: `${byScan.tuples} keys, as in pg_catalog.${catalog}${isSame ? ", each once" : ""}`,
        actual: isSame ? "a key that is there twice" : `${byIndex.tuples} keys, or others`,
        message: isSame
          ? `pg_catalog.${catalog} has two rows with one key of its index ${index.name}`
          : `the index ${index.name} does not have the rows of pg_catalog.${catalog}: by one of them the server finds what the other does not show`,
      });
    }
  }
}

/**
 * Adds up keys, in whatever order they come.
 *
 * @param isUnique whether to tell if a key came twice, one right after the other, as an index has them
 */
async function addUp(
  chunks: Chunks,
  catalog: string,
  tagKey: Uint8Array,
  isUnique = false,
): Promise<TupleSum & { readonly hasRepeats: boolean }> {
  let hasRepeats = false;
  let last: bigint | null = null;
  const take: TakeTuple = (tag) => {
    hasRepeats ||= tag === last;
    last = tag;
  };
  const adder = new TupleAdder({ tagKey }, 0, isUnique ? take : undefined);
  for (let piece = await chunks.next(); piece.done !== true; piece = await chunks.next()) adder.push(piece.value);
  const sum = adder.finish();
  if (sum === null) throw new VerifierError("protocol", `the server broke off in the middle of ${catalog}`);
  return { ...sum, hasRepeats };
}
