import { isNode, type Node, type Value } from "@scidex/audit-reader";

/** A value of a partition key: numbers as such, texts as their bytes (latin1), so that `<` is the order of the type. */
export type KeyValue = bigint | string | boolean | null;

/** How values of a builtin type are read, from the wire and from a node's datum. */
interface KeyType {
  readonly fromWire: (field: Buffer) => KeyValue;
  readonly fromDatum: (datum: Uint8Array) => KeyValue;
  /** Whether the order is that of the values, so that ranges can be judged. */
  readonly isOrdered: boolean;
}

const littleEndian = (datum: Uint8Array, length: number): bigint =>
  BigInt.asIntN(
    8 * length,
    datum.subarray(0, length).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n),
  );
const integer = (length: number): KeyType => ({
  fromWire: (field) => (length === 8 ? field.readBigInt64BE(0) : BigInt(field.readIntBE(0, length))),
  fromDatum: (datum) => littleEndian(datum, length),
  isOrdered: true,
});
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
/** A varlena's header has four bytes, or one where the lowest bit is set. */
const withoutHeader = (datum: Uint8Array): Uint8Array => datum.subarray(((datum[0] ?? 0) & 1) === 1 ? 1 : 4);
const text = (isOrdered: boolean): KeyType => ({
  fromWire: latin1,
  fromDatum: (datum) => latin1(withoutHeader(datum)),
  isOrdered,
});

/** Oids of builtin types whose partition bounds are judged; the same in every server. */
const TYPES: Readonly<Record<string, KeyType>> = {
  "16": {
    fromWire: (field) => field[0] === 1,
    fromDatum: (datum) => datum[0] === 1,
    isOrdered: false,
  },
  "20": integer(8),
  "21": integer(2),
  "23": integer(4),
  "1082": integer(4),
  "1114": integer(8),
  "1184": integer(8),
  "2950": { fromWire: latin1, fromDatum: latin1, isOrdered: true },
  "25": text(false),
  "1043": text(false),
};
/** The collation whose order is that of the bytes. */
const C_COLLATION = "950";

/** How a key column of this type and collation is read; undefined where it is not. */
export function keyType(type: string, collation: string): KeyType | undefined {
  const known = TYPES[type];
  return (type === "25" || type === "1043") && collation === C_COLLATION ? text(true) : known;
}

/** Where a range begins or ends, in one column. */
type Limit = { readonly value: KeyValue } | "lowest" | "highest";

/** Which rows belong to a partition. */
export type Bound =
  | { readonly kind: "default" }
  | { readonly kind: "list"; readonly values: readonly KeyValue[] }
  | { readonly kind: "range"; readonly from: readonly Limit[]; readonly to: readonly Limit[] };

/** From a partition's `relpartbound`; null for one that is not judged (hash). */
export function boundOf(node: Node, types: readonly KeyType[]): Bound | null {
  if (node.name !== "PARTITIONBOUNDSPEC") return null;
  if (atomOf(node, "is_default") === "true") return { kind: "default" };
  const strategy = atomOf(node, "strategy");
  const [first] = types;
  if (strategy === "l" && first !== undefined) {
    const values = listOf(node.fields.get("listdatums")).map((datum) => constantOf(datum, first));
    return values.includes(undefined)
      ? null
      : { kind: "list", values: values.flatMap((v) => (v === undefined ? [] : [v])) };
  }
  if (strategy !== "r" || types.some(({ isOrdered }) => !isOrdered)) return null;
  const limits = (field: string) =>
    listOf(node.fields.get(field)).map((datum, i) => {
      const type = types[i];
      return type === undefined ? undefined : limitOf(datum, type);
    });
  const [from, to] = [limits("lowerdatums"), limits("upperdatums")];
  if ([...from, ...to].includes(undefined) || from.length !== types.length || to.length !== types.length) return null;
  return { kind: "range", from: from.flatMap((v) => v ?? []), to: to.flatMap((v) => v ?? []) };
}

const atomOf = ({ fields }: Node, label: string): string => {
  const [atom] = fields.get(label) ?? [];
  return typeof atom === "string" ? atom : "";
};

const listOf = (values: readonly Value[] | undefined): readonly Value[] => {
  const [list] = values ?? [];
  return typeof list === "object" && !isNode(list) ? list : [];
};

function constantOf(value: Value | undefined, type: KeyType): KeyValue | undefined {
  if (!isNode(value) || value.name !== "CONST") return undefined;
  if (atomOf(value, "constisnull") === "true") return null;
  // Its length, and its bytes in brackets, which can be signed.
  const [, ...bytes] = value.fields.get("constvalue") ?? [];
  const datum = bytes.filter((byte) => byte !== "[" && byte !== "]").map((byte) => Number(byte) & 0xff);
  return datum.length === 0 ? undefined : type.fromDatum(Uint8Array.from(datum));
}

function limitOf(value: Value, type: KeyType): Limit | undefined {
  if (!isNode(value) || value.name !== "PARTITIONRANGEDATUM") return undefined;
  const kind = atomOf(value, "kind");
  if (kind === "-1") return "lowest";
  if (kind === "1") return "highest";
  const constant = constantOf(value.fields.get("value")?.[0], type);
  return constant === undefined ? undefined : { value: constant };
}

/** Whether a row belongs to a partition with this bound; of the default partition, whether to none of the others. */
export function accepts(bound: Bound, siblings: readonly Bound[], key: readonly KeyValue[]): boolean {
  if (bound.kind === "default")
    return !siblings.some((sibling) => sibling.kind !== "default" && accepts(sibling, [], key));
  if (bound.kind === "list") return bound.values.includes(key[0] ?? null);
  if (key.includes(null)) return false;
  return compare(key, bound.from) >= 0 && compare(key, bound.to) < 0;
}

function compare(key: readonly KeyValue[], limits: readonly Limit[]): number {
  for (const [i, limit] of limits.entries()) {
    if (limit === "lowest") return 1;
    if (limit === "highest") return -1;
    const [a, b] = [key[i] ?? null, limit.value];
    if (a === null || b === null || a === b) continue;
    return a < b ? -1 : 1;
  }
  return 0;
}

/** A key's value from the wire. */
export const keyValue = (type: KeyType, field: Buffer | null): KeyValue =>
  field === null ? null : type.fromWire(field);

export type { KeyType };
