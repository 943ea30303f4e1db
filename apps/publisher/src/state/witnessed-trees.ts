import { CoreError, type Frontier, FrontierBuilder } from "@scidex/audit-core";

/** The trees that witnesses have cosigned last, by the witnesses' names: what proofs to them begin with. */
export type WitnessedTrees = Readonly<Record<string, Frontier>>;

/** The member of the state's file; none where no witness has been asked yet. */
export const writtenWitnesses = (trees: WitnessedTrees): object =>
  Object.keys(trees).length === 0
    ? {}
    : { witnesses: Object.fromEntries(Object.entries(trees).map(([name, tree]) => [name, written(tree)])) };

const written = ({ size, hashes }: Frontier): object => ({
  size: Number(size),
  frontier: hashes.map((hash) => Buffer.from(hash).toString("base64")),
});

/** What it says; undefined where it is damaged. */
export function parseWitnesses(value: unknown): WitnessedTrees | undefined {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const trees = Object.entries(value).map(([name, tree]) => [name, parseTree(tree)] as const);
  return trees.every((one): one is [string, Frontier] => one[1] !== undefined) ? Object.fromEntries(trees) : undefined;
}

function parseTree(value: unknown): Frontier | undefined {
  if (typeof value !== "object" || value === null || !("size" in value) || !("frontier" in value)) return undefined;
  const { size, frontier } = value;
  if (!Number.isSafeInteger(size) || !Array.isArray(frontier)) return undefined;
  const hashes = frontier.map((hash) => new Uint8Array(Buffer.from(String(hash), "base64")));
  try {
    return new FrontierBuilder({ size: BigInt(Number(size)), hashes }).frontier();
  } catch (error) {
    if (error instanceof CoreError) return undefined;
    throw error;
  }
}
