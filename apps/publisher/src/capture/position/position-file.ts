import { replaceDurably } from "@scidex/audit-command";
import { readFile } from "node:fs/promises";
import { errno, messageOf, PublisherError } from "../../errors.ts";
import { lsnText, parseLsn } from "../pgoutput/lsn.ts";
import { isSamePlace, type Place, type Position } from "./position.ts";
import type { Published } from "./published.ts";

/** What the capture process remembers outside the database: where it was, and where the batch that it linked last ends. */
export interface Remembered {
  readonly systemIdentifier: string;
  readonly slot: string;
  readonly published: Published;
  readonly from: FollowedPlace;
  readonly to: FollowedPlace;
  /** Numbers of relations that have sent whole rows of before. */
  readonly whole: readonly number[];
}

/** A place, and the publications with which it goes on from there; undefined in files of earlier releases. */
interface FollowedPlace extends Place {
  readonly publications?: readonly string[] | undefined;
}

/**
 * The copy of the position that nobody with rights on the database can reach. It is synced before a batch is linked, with
 * the place on both sides of it: whichever of the two the database has later is honest, and no other is.
 */
export class PositionFile {
  readonly path: string;
  #remembered: Remembered | undefined;

  private constructor(path: string, remembered: Remembered | undefined) {
    this.path = path;
    this.#remembered = remembered;
  }

  /** @throws {PublisherError} `state_invalid`, `io` */
  static async open(path: string): Promise<PositionFile> {
    try {
      return new PositionFile(path, parse(await readFile(path, "utf8"), path));
    } catch (cause) {
      if (errno(cause) === "ENOENT") return new PositionFile(path, undefined);
      if (cause instanceof PublisherError) throw cause;
      throw new PublisherError("io", `the capture state can't be read: ${messageOf(cause)}`, { cause });
    }
  }

  /** Undefined where there is no file. */
  get remembered(): Remembered | undefined {
    return this.#remembered;
  }

  /** Whether a place can be the one that the database has. */
  knows(place: Place): boolean {
    return (
      this.#remembered !== undefined &&
      [this.#remembered.from, this.#remembered.to].some((own) => isSamePlace(own, place))
    );
  }

  /** Whether a position follows what we have followed: with other publications, changes would not be sent, and passed over. */
  knowsFollowed({ publications }: Pick<Position, "publications">): boolean {
    const own = [this.#remembered?.from.publications, this.#remembered?.to.publications];
    return own.some((known) => known === undefined || known.join("\n") === publications.join("\n"));
  }

  /** Whether a batch that goes on from this place was begun to be linked, and is not as far as the database says. */
  isLinking(place: Place): boolean {
    return this.#remembered !== undefined && !isSamePlace(this.#remembered.to, place);
  }

  async save(remembered: Remembered): Promise<void> {
    try {
      await replaceDurably(this.path, format(remembered));
    } catch (cause) {
      throw new PublisherError("io", `the capture state can't be written: ${messageOf(cause)}`, { cause });
    }
    this.#remembered = remembered;
  }
}

const VERSION = "audit-chain.capture/v1";

function format({ systemIdentifier, slot, published, from, to, whole }: Remembered): string {
  const place = ({ linkedTo, within, changes, publications }: FollowedPlace) => ({
    linked_to: lsnText(linkedTo),
    within: within === null ? null : lsnText(within),
    changes,
    publications,
  });
  return `${JSON.stringify({ version: VERSION, system_identifier: systemIdentifier, slot, published, from: place(from), to: place(to), whole })}\n`;
}

function parse(text: string, path: string): Remembered {
  const wrong = new PublisherError(
    "state_invalid",
    `the capture state ${path} is damaged, or none: put back the newest copy. If there is none, move it away, verify the database, and when that is clean: audit-publisher capture --adopt-position, which records a gap`,
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong;
  }
  const read = value as Record<string, unknown> | null;
  const [from, to] = [placeOf(read?.["from"]), placeOf(read?.["to"])];
  const { version, system_identifier: system, slot, published, whole = [] } = read ?? {};
  if (
    version !== VERSION ||
    typeof system !== "string" ||
    typeof slot !== "string" ||
    typeof published !== "object" ||
    published === null ||
    !isListOf("number", whole) ||
    from === undefined ||
    to === undefined
  )
    throw wrong;
  return { systemIdentifier: system, slot, published: published as Published, from, to, whole };
}

function isListOf(type: "number", value: unknown): value is number[];
function isListOf(type: "string", value: unknown): value is string[];
function isListOf(type: string, value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}

function placeOf(value: unknown): FollowedPlace | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { linked_to: linked, within, changes, publications } = value as Record<string, unknown>;
  const linkedTo = typeof linked === "string" ? parseLsn(linked) : undefined;
  const inside = typeof within === "string" ? parseLsn(within) : null;
  if (linkedTo === undefined || inside === undefined || typeof changes !== "number") return undefined;
  if (publications !== undefined && !isListOf("string", publications)) return undefined;
  return { linkedTo, within: inside, changes, publications };
}
