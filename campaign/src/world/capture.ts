import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startProgram } from "./programs.ts";
import type { World } from "./world.ts";

/** What capture says of something it has seen. */
export interface Said {
  readonly check: string;
  readonly eventKind?: string;
  readonly message: string;
}

/** Something that capture was to say at once, and has not. */
export class NotSaid extends Error {
  override readonly name = "NotSaid";
  readonly variant: string;

  constructor(variant: string, message: string) {
    super(message);
    this.variant = variant;
  }
}

/** "Within seconds", in milliseconds; as long again where a process has to be started on a busy machine. */
const WITHIN_MS = 20_000;

/** The process that links the tables of the mode `stream` of one trial, as a login of its own. */
export class Capture implements AsyncDisposable {
  readonly #world: World;
  readonly stateFile: string;
  readonly said: Said[] = [];
  #child: ChildProcess | undefined;
  #stderr = "";

  constructor(world: World) {
    this.#world = world;
    this.stateFile = join(world.place.folder, "capture.state");
    world.running.push(this);
  }

  start(): void {
    const child = startProgram("audit-publisher", ["capture", "--json", "--state", this.stateFile], {
      AUDIT_DATABASE_URL: this.#world.url("capture"),
    });
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.includes('"check"')) this.said.push(JSON.parse(line) as Said);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#child = child;
  }

  /** Ends it, and waits until the server has noticed. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill(signal);
    await ended;
    await this.#until("its slot is free", async () => (await this.#slots("active")).length === 0);
  }

  /** Until it has linked all that is written by now. */
  async linked(): Promise<void> {
    const { honest } = this.#world;
    const [end] = await honest.unsafe<{ lsn: string }[]>("select pg_current_wal_insert_lsn()::text as lsn");
    await this.#until("all is linked", async () => {
      const rows = await honest.unsafe<{ is_linked: boolean }[]>(
        `select linked_to >= '${end?.lsn}' as is_linked from public.audit_chain_position`,
      );
      return rows[0]?.is_linked === true;
    });
  }

  /** Until a publication is followed, which has to be before a table can be attached. */
  async followed(relation: string): Promise<void> {
    await this.#until("the publication is followed", async () => {
      const rows = await this.#world.honest.unsafe<{ is_followed: boolean | null }[]>(
        `select public.audit_chain_is_followed(public.audit_chain_publication('${relation}')) as is_followed`,
      );
      return rows[0]?.is_followed === true;
    });
  }

  /** @throws {NotSaid} where it does not say so at once */
  async says(variant: string, check: string, kind?: string): Promise<void> {
    const has = () => this.said.some((one) => one.check === check && (kind === undefined || one.eventKind === kind));
    const until = performance.now() + WITHIN_MS;
    while (!has()) {
      if (performance.now() > until) {
        const other = this.said.map((one) => `${one.check} ${one.eventKind ?? ""} ${one.message}`);
        throw new NotSaid(
          variant,
          `capture has not said ${check} of ${kind ?? "anything"}, but ${other.join("; ") || "nothing"}; ${this.#stderr.trim()}`,
        );
      }
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { honest } = this.#world;
    try {
      await this.stop("SIGKILL");
    } finally {
      await this.#until("slots can be dropped", async () => {
        await honest.unsafe(`select pg_terminate_backend(active_pid) from pg_replication_slots where active`);
        return (await this.#slots("active")).length === 0;
      });
      await honest.unsafe("select pg_drop_replication_slot(slot_name) from pg_replication_slots");
    }
  }

  async #slots(which: string): Promise<readonly unknown[]> {
    return await this.#world.honest.unsafe(`select from pg_replication_slots where ${which}`);
  }

  async #until(what: string, is: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + WITHIN_MS;
    while (!(await is())) {
      if (performance.now() > until) throw new Error(`not so within seconds: ${what}; capture: ${this.#stderr.trim()}`);
      await sleep(50);
    }
  }
}
