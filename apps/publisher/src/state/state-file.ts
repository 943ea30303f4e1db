import { open } from "node:fs/promises";
import { createDurably, replaceDurably } from "@scidex/audit-command";
import { errno, messageOf, PublisherError } from "../errors.ts";
import { formatState, parseState, type State } from "./state.ts";

/** The state file, open for one run of a publisher that holds the log's lock. */
export class StateFile {
  readonly path: string;
  #text: string;
  #state: State;

  private constructor(path: string, text: string, state: State) {
    this.path = path;
    this.#text = text;
    this.#state = state;
  }

  /**
   * @throws {PublisherError} `state_missing`; `state_invalid` when it is damaged, of another version or another log;
   *   `configuration` when others may write it, since whoever does makes the publisher forget
   */
  static async open(path: string, origin: string): Promise<StateFile> {
    const text = await readText(path);
    if (text === undefined)
      throw new PublisherError(
        "state_missing",
        `the state file ${path} does not exist. It is the publisher's memory of what it has signed. Without it a rewritten chain would be signed as if it were new: put back the newest copy that you have. If there is none, verify the chain against the sinks (audit-verify), and only when that is clean, have the state rebuilt from them: audit-publisher publish --recover-state`,
      );
    const state = parseState(text, path);
    if (state.origin !== origin)
      throw new PublisherError(
        "state_invalid",
        `the state file ${path} belongs to the log ${JSON.stringify(state.origin)}, the key file to ${JSON.stringify(origin)}`,
      );
    return new StateFile(path, text, state);
  }

  /** Writes the state where there is none. Throws `PublisherError` `recovery` where there is one. */
  static async create(path: string, state: State): Promise<StateFile> {
    const text = formatState(state);
    try {
      await createDurably(path, text);
    } catch (cause) {
      if (errno(cause) === "EEXIST")
        throw new PublisherError("recovery", `the state file ${path} exists: move it away if it is to be rebuilt`, {
          cause,
        });
      throw new PublisherError("io", `the state can't be written: ${messageOf(cause)}`, { cause });
    }
    return new StateFile(path, text, state);
  }

  get state(): State {
    return this.#state;
  }

  /**
   * Makes a state durable. When this returns, a publisher that starts after a power cut will know it.
   *
   * @throws {PublisherError} `state_changed` when somebody else has written since; `io`
   */
  async save(state: State): Promise<void> {
    // Behind the lock in the database. It does not reach a second copy of the key that publishes into another database,
    // nor a server that has ended our session without our noticing.
    if ((await readText(this.path)) !== this.#text)
      throw new PublisherError(
        "state_changed",
        `another process has changed ${this.path} while this one was running: nothing more is done`,
      );
    const text = formatState(state);
    try {
      await replaceDurably(this.path, text);
    } catch (cause) {
      throw new PublisherError("io", `the state can't be written: ${messageOf(cause)}`, { cause });
    }
    this.#text = text;
    this.#state = state;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, "r");
    try {
      const { mode } = await handle.stat();
      if ((mode & 0o022) !== 0)
        throw new PublisherError("configuration", `the state file ${path} can be written by others: chmod 600 ${path}`);
      return await handle.readFile("utf8");
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof PublisherError) throw cause;
    if (errno(cause) === "ENOENT") return undefined;
    throw new PublisherError("io", `the state file can't be read: ${messageOf(cause)}`, { cause });
  }
}
