/**
 * A position in the write-ahead log: a byte's number, unsigned, 64 bits. PostgreSQL prints it as two hexadecimal halves,
 * `16/B374D848`. 0 is no position.
 */
export type Lsn = bigint;

/** As PostgreSQL prints it. */
export const lsnText = (lsn: Lsn): string =>
  `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;

/** The position that a text names; undefined where it is none. */
export function parseLsn(text: string): Lsn | undefined {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/u.exec(text) ?? [];
  return high === undefined || low === undefined ? undefined : (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}
