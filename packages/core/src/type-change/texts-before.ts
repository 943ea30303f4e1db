/**
 * What a column's text was before `ALTER TABLE … ALTER COLUMN … TYPE …`.
 *
 * A row is recorded as the texts of its columns ("Row payload" in docs/formats.md). When a column gets another type, the
 * text of the live value is another. For the pairs of types below, the recorded text follows from the live one, and rows
 * that were recorded before stay comparable:
 *
 *     numeric(10,2) → numeric(14,4):    live 1.5000 was 1.50, and live 1.2345 was nothing
 *
 * | from | to | the text before | none where |
 * | --- | --- | --- | --- |
 * | any type | the same, a domain over it, what a domain is made of | the same | |
 * | `smallint` | `integer`, `bigint` | the same | beyond ±2^15 |
 * | `integer` | `bigint` | the same | beyond ±2^31 |
 * | `smallint`, `integer`, `bigint` | `numeric`, `numeric(p,s)`, s ≥ 0 | without the s zeros | no zeros; beyond the integer |
 * | `numeric(p,s)` | `numeric`, `numeric(q,t)`, t ≥ s and t ≥ 0 | with s digits; `NaN` | the others are no zeros; from 10^(p-s) |
 * | `real` | `double precision` | the shortest of a `real` | no `real` has the value |
 * | `character(n)` | `character(m)`, m > n | n characters | no blank behind them |
 * | `character(n)` | `text`, `character varying`, `character varying(m)` | with blanks to n characters | longer; a blank at its end |
 * | `character varying(n)` | `character varying(m)`, m ≥ n, or without m; `text` | the same | longer than n |
 * | `text`, `character varying` | the other one | the same | |
 * | `boolean` | `text`, `character varying`, `character varying(m)` | `t`, `f` | not `true` or `false` |
 * | `uuid`, `smallint`, `integer`, `bigint` | the same three | the same | not of the old type |
 * | `name` | `text`, `character varying(m)`, m ≥ 63 or none | the same | |
 * | an enum | `text`, `character varying(m)`, no label longer | the same | no label |
 * | `text`, `character varying`, `character varying(n)` | an enum | the same | longer than n |
 * | an enum | the same or another, each label with its own in that | the label's old name | a label that is new |
 * | `json` | `text`, `character varying` | the same | |
 * | `text`, `character varying`, `character varying(n)` | `json` | the same | longer than n |
 * | `bit(n)` | `bit varying`, `bit varying(m)`, m ≥ n | the same | not n bits |
 * | `bit varying(n)` | `bit varying`, `bit varying(m)`, m > n | the same | more than n bits |
 * | `cidr` | `inet` | with the length of its mask | bits behind the mask |
 * | `timestamp`, `time`, with or without a zone, (p) | the same with more digits | the same | more than p digits |
 * | `date` | `timestamp` | the day | not midnight |
 * | `timestamp(p)` ↔ `timestamp with time zone(q)`, q ≥ p | | by the zone's clock | the clock never shows it |
 * | `date` | `timestamp with time zone` | the day | not midnight on the zone's clock |
 * | an array | an array, by its elements; not by a zone | element by element | |
 *
 * Each rule stands with its source in PostgreSQL in the file that has it. The change is taken for one by assignment, as
 * ALTER TABLE makes it without `USING`; from `text` to an enum or `json` by `USING column::type`. After any other
 * expression the texts differ from what was recorded, and nothing here makes them fit.
 *
 * Left out is what loses something, so that several old values would be taken for one:
 *
 * - narrower types; `numeric` without a modifier to one with it (how many zeros there were); a negative scale;
 * - `text` to `character varying(n)`, and any longer type that may end in blanks to it: blanks beyond n are cut off;
 * - `text` to `character(n)`: blanks at the end; `bpchar` without a length to `text`: the same;
 * - `json` to `jsonb`, `double precision` to `real`, `timestamp` to `date`, `text` to a number;
 * - dates, times, intervals and `bytea` to `text`: they depend on more settings of the session that made the change.
 *
 * No text is read from two live texts. So whoever changes a live value always changes what it is read as: nothing that was
 * recorded can be made to fit another value.
 */
import { arrayReading } from "./array.ts";
import { bitsReading } from "./bits.ts";
import { characters, paddedReading, textBound, textReading } from "./characters.ts";
import { type DescribedType, describedType } from "./described-type.ts";
import { labelsReading } from "./labels.ts";
import { networkReading } from "./networks.ts";
import { integerReading, numericReading } from "./numbers.ts";
import { type Reading, same, sameWhere } from "./reading.ts";
import { realReading } from "./real.ts";
import { timeReading } from "./times.ts";
import { type Zone, zoneOf } from "./zone.ts";
import type { Micros } from "../units.ts";

/** A change of a column's type. Types are described as in the configuration's `column_types`. */
export interface TypeChange {
  readonly before: string;
  readonly now: string;
  /** The `TimeZone` of the session that made the change, and when that was. */
  readonly zone?: { readonly name: string; readonly changedAt: Micros };
  /** Labels of an enum that are called otherwise now, old ones to new. */
  readonly labels?: ReadonlyMap<string, string>;
}

/**
 * How the texts of a column are to be read after a change of its type; null where the texts before do not follow from those
 * now. Neither type may be a range that somebody made: it is described as a domain is.
 */
export function textsBefore(change: TypeChange): Reading | null {
  const { zone, labels } = change;
  const [before, now] = [describedType(change.before), describedType(change.now)];
  if (labels !== undefined && labels.size > 0 && !(hasLabels(before) && hasLabels(now))) return null;
  return read(before, now, labels, () => (zone === undefined ? null : zoneOf(zone.name, zone.changedAt / 1_000_000n)));
}

const hasLabels = (type: DescribedType): boolean =>
  type.kind === "array" ? hasLabels(type.element) : type.kind === "enum";

function read(
  before: DescribedType,
  now: DescribedType,
  labels: ReadonlyMap<string, string> | undefined,
  zone: () => Zone | null,
): Reading | null {
  if (before.kind === "enum" && now.kind === "enum") return labelsReading(before.labels, now.labels, labels);
  if (before.kind === "array" && now.kind === "array") {
    // Each element that a clock shows twice would double the texts of the array.
    const element = read(before.element, now.element, labels, () => null);
    return element === null || element === same ? element : arrayReading(element);
  }
  if (before.text === now.text) return same;
  const boundNow = textBound(now);
  if (boundNow !== null) return textReading(before, boundNow);
  const bound = textBound(before);
  if (bound !== null) {
    const keepsText = now.kind === "enum" || now.text === "json";
    return keepsText ? sameWhere((text) => characters(text) <= bound) : null;
  }
  return before.kind === "builtin" && now.kind === "builtin" ? readBuiltin(before, now, zone) : null;
}

type Builtin = Extract<DescribedType, { kind: "builtin" }>;

function readBuiltin(before: Builtin, now: Builtin, zone: () => Zone | null): Reading | null {
  switch (now.name) {
    case "integer":
    case "bigint":
      return integerReading(before.name, now.name);
    case "numeric":
      return numericReading(before.name, before.modifiers, now.modifiers);
    case "double precision":
      return before.name === "real" ? realReading : null;
    case "character":
      return paddedReading(before, now);
    case "bit varying":
      return bitsReading(before.name, before.modifiers[0], now.modifiers[0]);
    case "inet":
      return before.name === "cidr" ? networkReading : null;
    default:
      return timeReading(timeType(before), timeType(now), zone);
  }
}

const timeType = ({ name, modifiers }: Builtin) => ({ name, digits: modifiers[0] ?? 6 });
