import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VerifierError } from "../../finding/errors.ts";

/** Bytes that are written or read at once; all runs together hold no more than a multiple of it. */
const PIECE_BYTES = 2 ** 16;
const MIN_PIECE_BYTES = 2 ** 12;
const PIECES = 256;

/** Gives a record, a character for each byte; undefined after the last one. */
export type TakeRecord = () => string | undefined;

/**
 * Runs of records on the disk, in one file (0600) of a folder of its own (0700) under `os.tmpdir()`. A record stands there
 * as its length, 4 bytes big-endian, and its bytes. The folder is removed while the file is open, so that nothing stays
 * whatever becomes of this process; only Windows removes it when it is closed.
 */
export class Spill {
  #folder = tmpdir();
  readonly #file: number;
  /** Where each run ends. */
  readonly #ends: number[] = [];
  #length = 0;

  constructor() {
    this.#file = this.#attempt(() => {
      this.#folder = mkdtempSync(join(this.#folder, "audit-verify-"));
      const file = openSync(join(this.#folder, "records"), "wx+", 0o600);
      if (process.platform !== "win32") this.#remove();
      return file;
    });
  }

  write(run: readonly string[]): void {
    let piece: string[] = [];
    let length = 0;
    for (const record of run) {
      piece.push(record);
      length += 4 + record.length;
      if (length < PIECE_BYTES) continue;
      this.#put(piece, length);
      piece = [];
      length = 0;
    }
    this.#put(piece, length);
    this.#ends.push(this.#length);
  }

  #put(records: readonly string[], length: number): void {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for (const record of records) {
      at = bytes.writeUInt32BE(record.length, at);
      at += bytes.write(record, at, "latin1");
    }
    this.#attempt(() => {
      for (let done = 0; done < length;) done += writeSync(this.#file, bytes, done, length - done, this.#length + done);
    });
    this.#length += length;
  }

  /** One for each run. */
  runs(): TakeRecord[] {
    const size = Math.max(
      Math.min(PIECE_BYTES, Math.floor((PIECE_BYTES * PIECES) / this.#ends.length)),
      MIN_PIECE_BYTES,
    );
    return this.#ends.map((end, i) => this.#read(this.#ends[i - 1] ?? 0, end, size));
  }

  #read(start: number, end: number, size: number): TakeRecord {
    let piece = Buffer.alloc(0);
    let at = 0;
    let next = start;
    /** Sees to it that the next bytes are at hand. */
    const need = (bytes: number): void => {
      if (piece.length - at >= bytes) return;
      const rest = piece.subarray(at);
      const more = Math.min(Math.max(bytes - rest.length, size), end - next);
      piece = Buffer.allocUnsafe(rest.length + more);
      piece.set(rest);
      for (let done = 0; done < more;) {
        const read = this.#attempt(() => readSync(this.#file, piece, rest.length + done, more - done, next + done));
        if (read === 0) throw this.#failed(new Error("the file has become shorter"));
        done += read;
      }
      next += more;
      at = 0;
    };
    return () => {
      if (next === end && at === piece.length) return undefined;
      need(4);
      const length = piece.readUInt32BE(at);
      at += 4;
      need(length);
      at += length;
      return piece.toString("latin1", at - length, at);
    };
  }

  close(): void {
    closeSync(this.#file);
    if (process.platform === "win32") this.#remove();
  }

  #remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): VerifierError {
    const why = error instanceof Error ? error.message : String(error);
    return new VerifierError(
      "disk",
      `records to be sorted cannot be kept in ${this.#folder}: ${why}; TMPDIR names another folder`,
      { cause: error },
    );
  }
}
