import { checkReplaceable, currentMember, type Fleet, redact } from "@scidex/audit-command";
import { fleetPage, type FleetMember } from "@scidex/audit-report";
import type { VerificationReport } from "../report/verification-report.ts";
import { messageOf, usage } from "./errors.ts";
import { write } from "./files.ts";

/**
 * The page of a fleet. It is written anew whenever one of its databases is done, so that a run that was killed does not leave a page
 * that says all is well.
 */
export class FleetOverview {
  readonly #members = new Map<string, FleetMember>();
  #file: string | undefined;
  #written: Promise<unknown> = Promise.resolve();

  /** @throws {CommandError} `usage`, `configuration` */
  async expect(file: string | undefined, fleet: Fleet | undefined): Promise<void> {
    if (file === undefined) return;
    if (fleet === undefined) throw usage("--overview is for several databases: name the file with them by --fleet");
    await checkReplaceable("--overview", file);
    this.#file = file;
    for (const { name } of fleet.members) this.#members.set(name, { name, status: "waiting" });
    for (const name of fleet.leftOut) this.#members.set(name, { name, status: "left_out" });
    await this.#write();
  }

  /** Whether the page could be written. */
  async note({ status, rows, anchoredTo, firstDivergence, unproven }: VerificationReport): Promise<boolean> {
    const words = firstDivergence === null ? unproven[0] : `${firstDivergence.check}: ${firstDivergence.message}`;
    return await this.#note({ status, rows, anchoredTo, ...(words === undefined ? {} : { words }) });
  }

  /** Throws the error again. */
  readonly noteFailure = async (error: unknown): Promise<never> => {
    await this.#note({ status: "failed", words: redact(messageOf(error)) });
    throw error;
  };

  async #note(ended: Omit<FleetMember, "name">): Promise<boolean> {
    const name = currentMember()?.name;
    if (name === undefined || this.#file === undefined) return true;
    this.#members.set(name, { name, ...ended });
    return await this.#write();
  }

  async #write(): Promise<boolean> {
    const made = (): string =>
      fleetPage({ command: "audit-verify", members: [...this.#members.values()], verifiedAt: Date.now() });
    // One after the other: each has what is known by then.
    const written = this.#written.then(async () => await write("--overview", this.#file, made));
    this.#written = written;
    return await written;
  }
}
