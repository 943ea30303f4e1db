import { readFile } from "node:fs/promises";
import { replaceDurably } from "@scidex/audit-command";
import { type AlertMemory, EMPTY_MEMORY, formatMemory, parseMemory } from "./alert-memory.ts";
import { describeFailure } from "../describe-failure.ts";

/**
 * The file of the alert memory. Nothing about it stops an alert: what cannot be read counts as empty, and what cannot
 * be written is said, and alerted again by the next run.
 */
export class AlertFile {
  readonly #path: string;
  readonly #warnings: string[];

  /** @param warnings takes what is wrong with the file */
  constructor(path: string, warnings: string[]) {
    this.#path = path;
    this.#warnings = warnings;
  }

  async load(): Promise<AlertMemory> {
    try {
      const memory = parseMemory(await readFile(this.#path, "utf8"));
      if (memory !== undefined) return memory;
      this.#warn(`the alert memory ${this.#path} is damaged: every finding is alerted again`);
    } catch (error) {
      // The first run has none.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT"))
        this.#warn(
          `the alert memory ${this.#path} can't be read (${describeFailure(error)}): every finding is alerted again`,
        );
    }
    return EMPTY_MEMORY;
  }

  /** Makes it durable; false where that failed. */
  async save(memory: AlertMemory): Promise<boolean> {
    try {
      await replaceDurably(this.#path, formatMemory(memory));
      return true;
    } catch (error) {
      this.#warn(
        `the alert memory ${this.#path} can't be written (${describeFailure(error)}): the next run alerts again what this one has`,
      );
      return false;
    }
  }

  #warn(text: string): void {
    if (!this.#warnings.includes(text)) this.#warnings.push(text);
  }
}
