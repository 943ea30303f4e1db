import { ByteReader, malformed } from "./byte-reader.ts";
import type { Before, Change, Message, Relation, Row } from "./message.ts";

/**
 * Decodes one message of `pgoutput`, protocol version 1: exactly what the bytes say, and nothing but what they hold.
 *
 * @param bytes without the header of the replication protocol
 * @throws {PublisherError} `stream` for what is not such a message
 */
export function decodeMessage(bytes: Buffer): Message {
  const reader = new ByteReader(bytes);
  const message = readMessage(reader, reader.letter());
  reader.end();
  return message;
}

function readMessage(reader: ByteReader, letter: string): Message {
  switch (letter) {
    case "B":
      return { type: "begin", commitLsn: reader.uint64(), committedAt: time(reader), xid: reader.uint32() };
    case "C":
      // Flags, of which there are none yet.
      reader.skip(1);
      return { type: "commit", commitLsn: reader.uint64(), endLsn: reader.uint64(), committedAt: time(reader) };
    case "R":
      return relation(reader);
    case "I":
      return { type: "insert", relation: reader.uint32(), after: rowBehind("N", reader.letter(), reader) };
    case "U":
      return update(reader);
    case "D": {
      const oid = reader.uint32();
      const before = rowBefore(reader.letter(), reader);
      if (before === null) throw malformed("a deletion does not say of what");
      return { type: "delete", relation: oid, before };
    }
    case "T":
      return truncate(reader);
    case "O":
    case "Y":
    case "M":
      reader.skipRest();
      return { type: letter === "O" ? "origin" : letter === "Y" ? "type" : "message" };
    default:
      throw malformed(`${JSON.stringify(letter)} is no message of protocol version 1`);
  }
}

/** Microseconds from 2000-01-01 to the Unix epoch. */
const EPOCH = 946_684_800_000_000n;

const time = (reader: ByteReader) => reader.int64() + EPOCH;

function relation(reader: ByteReader): Relation {
  const oid = reader.uint32();
  // PostgreSQL leaves the name of its own schema empty.
  const schema = reader.name() || "pg_catalog";
  const name = reader.name();
  const identity = reader.letter();
  // Of a column: flags, the end of its name, type, type modifier.
  const count = reader.count(reader.uint16(), 10);
  const columns = Array.from({ length: count }, () => ({
    isIdentity: (reader.uint8() & 1) === 1,
    name: reader.name(),
    typeOid: reader.uint32(),
    typeModifier: reader.int32(),
  }));
  return { type: "relation", oid, schema, name, identity, columns };
}

function update(reader: ByteReader): Change {
  const oid = reader.uint32();
  const letter = reader.letter();
  const before = rowBefore(letter, reader);
  const after = rowBehind("N", before === null ? letter : reader.letter(), reader);
  return { type: "update", relation: oid, before, after };
}

function truncate(reader: ByteReader): Change {
  const count = reader.uint32();
  // CASCADE, RESTART IDENTITY.
  reader.skip(1);
  return {
    type: "truncate",
    relations: Array.from({ length: reader.count(count, 4) }, () => reader.uint32()),
  };
}

function rowBefore(letter: string, reader: ByteReader): Before | null {
  return letter === "K" || letter === "O" ? { isWhole: letter === "O", row: row(reader) } : null;
}

function rowBehind(expected: string, letter: string, reader: ByteReader): Row {
  if (letter !== expected) throw malformed(`${JSON.stringify(letter)} stands where a row begins`);
  return row(reader);
}

function row(reader: ByteReader): Row {
  const count = reader.count(reader.uint16(), 1);
  const values: (string | null | undefined)[] = [];
  for (let i = 0; i < count; i++) values.push(value(reader));
  return values;
}

function value(reader: ByteReader): string | null | undefined {
  const form = reader.letter();
  if (form === "t") return reader.text();
  if (form === "n") return null;
  if (form === "u") return undefined;
  throw malformed(form === "b" ? "a value is binary" : `${JSON.stringify(form)} is no form of a value`);
}
