/** The text of UTF-8 bytes in a record of a `Sorter`, which has one character a byte. */
export const textOf = (bytes: string): string =>
  /^[\0-\x7f]*$/u.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString();
