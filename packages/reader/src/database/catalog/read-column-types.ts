import type { Lane } from "../lane.ts";
import { describeColumnTypes } from "./type-description.ts";

/**
 * Reads what the types of a relation's columns are made of, and describes them.
 *
 * @throws {TypeBoundError} beyond MAX_TYPE_DEPTH or MAX_TYPE_LENGTH
 */
export async function readColumnTypes(lane: Lane, relation: number): Promise<Map<string, string>> {
  const catalog = await lane.catalog();
  await catalog.need(lane, [`${relation}`]);
  return describeColumnTypes(catalog, `${relation}`);
}
