import type { Sql } from "postgres";
import { type Published, readPublished, tamperedWith } from "./published.ts";

/** How often it is looked whether somebody has changed what is sent, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** Looks now and then whether what is sent is what it was. */
export class PublishedWatch {
  #published: Published;
  #lookedMs = -Infinity;

  constructor(published: Published) {
    this.#published = published;
  }

  /** As it was seen last. */
  get published(): Published {
    return this.#published;
  }

  /** Whether somebody has changed what is sent: then following is begun again, which says so. */
  async isTampered(sql: Sql, followed: readonly string[]): Promise<boolean> {
    if (performance.now() - this.#lookedMs < LOOK_EVERY_MS) return false;
    this.#lookedMs = performance.now();
    const now = await readPublished(sql);
    if (tamperedWith(this.#published, now, followed) !== null) return true;
    this.#published = now;
    return false;
  }
}
