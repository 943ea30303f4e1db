import { AsyncLocalStorage } from "node:async_hooks";

/** A database of a fleet, with all that one database has. */
export interface Member {
  readonly name: string;
  /** The process's variables, as they are for this one. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A database of a fleet, while a command works on it beside others in one process. */
export interface CurrentMember {
  readonly name: string;
  /** What stands in the place of `process.env`. */
  readonly environment: Record<string, string | undefined>;
  /** What stands in the place of stdout. */
  readonly writeOut: (text: string) => Promise<void>;
  /** Whether its lines are written as they come, beside those of others, each with its name. */
  readonly isGoingOn: boolean;
}

/**
 * A command's functions ask for their variables wherever they need them. So what belongs to one member goes along its own
 * calls, and nothing that is shared by the process is ever changed for it: two members cannot get each other's keys.
 *
 * Each package that bundles this file has a copy of it; all copies must know the same member.
 */
const KEY = Symbol.for("scidex.audit.member");
const shared = globalThis as { [KEY]?: AsyncLocalStorage<CurrentMember> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<CurrentMember>());

/** The member that is worked on; undefined where there is one database only. */
export const currentMember = (): CurrentMember | undefined => storage.getStore();

/** Does some work as on that member. */
export const asMember = async <T>(member: CurrentMember, work: () => Promise<T>): Promise<T> =>
  await storage.run(member, work);

/** The variables of whoever asks: its member's, else the process's. */
export const environment = (): Record<string, string | undefined> => currentMember()?.environment ?? process.env;
