import { type Link, nextLink, sha256 } from "@scidex/audit-core";
import { describe, expect, it } from "vitest";
import { CHAIN_START, type ChainRow, decodeChainRow, type Finding, LinkChecker } from "../../src/index.ts";

const LENGTH = 20;
const EPOCH = 946_684_800_000_000n;

/** A row as the server sends it. */
function fieldsOf(link: Link): (Buffer | null)[] {
  const seq = Buffer.alloc(8);
  seq.writeBigInt64BE(link.seq);
  const time = Buffer.alloc(8);
  time.writeBigInt64BE(BigInt(Date.parse(link.appendedAt)) * 1000n - EPOCH);
  return [
    seq,
    Buffer.from(link.eventKind),
    Buffer.from(link.eventPk),
    Buffer.from(link.payloadHash),
    Buffer.from(link.eventHash),
    Buffer.from(link.prevHash),
    Buffer.from(link.chainHash),
    link.beforeHash === null ? null : Buffer.from(link.beforeHash),
    time,
  ];
}

function chainOf20(): (Buffer | null)[][] {
  const rows: (Buffer | null)[][] = [];
  let before: Link | null = null;
  for (let n = 1; n <= LENGTH; n++) {
    before = nextLink(before, {
      eventKind: n % 2 === 0 ? "task_events" : "é",
      eventPk: `key ${n}`,
      payloadHash: sha256(String(n)),
      beforeHash: n % 3 === 0 ? sha256(String(n - 1)) : null,
      appendedAt: `2026-04-28T12:00:${String(n).padStart(2, "0")}.000000Z`,
    });
    rows.push(fieldsOf(before));
  }
  return rows;
}

function findLinks(rows: readonly ChainRow[]): Finding[] {
  const found: Finding[] = [];
  const checker = new LinkChecker(CHAIN_START, (finding) => found.push(finding));
  // As the database would send them: in the order of seq.
  for (const row of rows.toSorted((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0))) checker.push(row);
  return found;
}

describe("a chain of 20, every bit of it", () => {
  it("finds every single-bit change of every column of every row at its seq", () => {
    const rows = chainOf20();
    expect(findLinks(rows.map(decodeChainRow))).toEqual([]);
    let changes = 0;
    for (const [n, row] of rows.entries()) {
      for (const [column, field] of row.entries()) {
        if (field === null) continue;
        for (let bit = 0; bit < field.length * 8; bit++) {
          const changed = Buffer.from(field);
          changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          // What is not UTF-8 cannot stand in a text column.
          if ((column === 1 || column === 2) && !Buffer.from(changed.toString("utf8")).equals(changed)) continue;
          const all = rows.map((other, i) => decodeChainRow(i === n ? row.with(column, changed) : other));
          const found = findLinks(all);
          changes++;
          const isLast = n === LENGTH - 1;
          const seqs = found.map(({ seq }) => seq);
          // A last row with a higher seq leaves a gap; one with seq 0 or less is named without one.
          if (!seqs.includes(BigInt(n + 1)) && !(isLast && column === 0 && found.length > 0))
            throw new Error(`bit ${bit} of column ${column} of row ${n + 1}: ${seqs.join()}`);
        }
      }
    }
    expect(changes).toBeGreaterThan(20_000);
  });

  it("finds a hash of the row before that is taken away, put where none was, or of another length", () => {
    const rows = chainOf20();
    for (const [n, row] of rows.entries()) {
      for (const before of [null, sha256("x"), new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
        if (before === null && row[7] === null) continue;
        const changed = rows.with(n, row.with(7, before === null ? null : Buffer.from(before)));
        expect(findLinks(changed.map(decodeChainRow))).toEqual([
          expect.objectContaining({ check: "event_hash", seq: BigInt(n + 1) }),
        ]);
      }
      // No other column may be NULL.
      for (const column of [0, 1, 2, 3, 4, 5, 6, 8])
        expect(findLinks(rows.with(n, row.with(column, null)).map(decodeChainRow))).not.toEqual([]);
    }
  });

  it("finds every row that is left out, and every pair that is swapped", () => {
    const rows = chainOf20().map(decodeChainRow);
    for (let n = 0; n < LENGTH - 1; n++)
      expect(findLinks(rows.toSpliced(n, 1))[0]).toMatchObject({ check: "gap", seq: BigInt(n + 1) });
    for (let a = 0; a < LENGTH; a++) {
      for (let b = a + 1; b < LENGTH; b++) {
        const [x, y] = [rows[a], rows[b]];
        if (x === undefined || y === undefined) throw new Error("no such row");
        const swapped = rows.with(a, { ...y, seq: x.seq }).with(b, { ...x, seq: y.seq });
        expect(findLinks(swapped)[0]?.seq).toBe(BigInt(a + 1));
      }
    }
  });
});
