/**
 * Decodes PostgreSQL's text COPY format (documentation, COPY, "Text Format"): a line a row, fields separated by tabs,
 * `\N` for NULL, and the escapes `\b \f \n \r \t \v \\`. The server sends no others.
 */
export class TextCopyDecoder {
  #rest: Buffer[] = [];

  /** Calls `row` for each whole line in what has been pushed so far. */
  push(chunk: Buffer, row: (fields: (string | null)[]) => void): void {
    if (chunk.length === 0) return;
    const end = chunk.lastIndexOf(10);
    if (end === -1) {
      this.#rest.push(chunk);
      return;
    }
    const text = Buffer.concat([...this.#rest, chunk.subarray(0, end)]).toString("utf8");
    this.#rest = end + 1 === chunk.length ? [] : [chunk.subarray(end + 1)];
    for (const line of text.split("\n")) row(line.split("\t").map(unescapeField));
  }

  /** Whether everything that was pushed ended with whole lines. */
  get ended(): boolean {
    return this.#rest.length === 0;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\" };

function unescapeField(field: string): string | null {
  if (!field.includes("\\")) return field;
  if (field === "\\N") return null;
  return field.replaceAll(/\\(.)/gsu, (_, character: string) => ESCAPES[character] ?? character);
}
