import type { PreparedEvent } from "./event.ts";

const sqlText = (text: string): string =>
  `pg_catalog.convert_from(pg_catalog.decode('${Buffer.from(text).toString("hex")}', 'hex'), 'UTF8')`;

/**
 * An event as the arguments of a door, in hexadecimal digits, in which nothing can be hidden whatever the session's settings
 * are. With parameters, a driver that prepares nothing asks for their types first: one more round trip, and `append` took
 * 0.55 ms instead of 0.4.
 */
export const sqlEvent = ({ kind, pk, hash }: PreparedEvent): string =>
  `${sqlText(kind)}, ${sqlText(pk)}, pg_catalog.decode('${hash}', 'hex')`;
