import type { Sql } from "postgres";
import { PublisherError } from "../../errors.ts";
import { type Lsn, lsnText } from "../pgoutput/lsn.ts";
import { isSamePlace, placeText, type Position, readPosition } from "./position.ts";
import { type Published, readPublished, tamperedWith } from "./published.ts";
import type { PositionFile } from "./position-file.ts";
import { createSlot, dropSlot, readServer, type Server } from "./slot.ts";

/** Where the log is followed from, and what may have been missed. */
export interface Beginning {
  readonly position: Position;
  readonly published: Published;
  /** What may not have been linked, and never will be by itself; null where nothing was missed. */
  readonly gap: string | null;
}

interface BeginOptions {
  /** Why the slot cannot be decoded any more, where that was seen: then it is made anew. */
  readonly undecodable: string | undefined;
  /** Whether the position in the database is gone on from where ours is lost. */
  readonly adoptPosition: boolean;
}

/** Nothing shows any more what the position in the database should be. */
const ADOPTED = "the capture state was lost, and the position in the database adopted";

/**
 * Holds the slot, the position in the database and the one that we remember against each other. Where all three fit, it goes
 * on from there. Where one does not, something was written that will never be sent to us: that is recorded in the chain, and
 * following begins anew where the slot is. The server forwards silently to wherever a slot was moved.
 *
 * @throws {PublisherError} `nothing_to_follow` while no table has been prepared for the mode; `state_missing`
 */
export async function beginFollowing(sql: Sql, file: PositionFile, options: BeginOptions): Promise<Beginning> {
  const { undecodable, adoptPosition } = options;
  const server = await readServer(sql);
  const position = await readPosition(sql);
  const published = await readPublished(sql);
  const tampered =
    position === undefined ? null : tamperedWith(file.remembered?.published ?? {}, published, position.publications);
  const lost = undecodable ?? (tampered?.isUndecodable === true ? tampered.what : null);
  const found =
    lost ?? tampered?.what ?? (position === undefined ? removed(file) : gapOf(position, server, file, adoptPosition));
  if (position !== undefined && found === null) return { position, published, gap: null };
  if (position === undefined && server.publications.length === 0)
    throw new PublisherError(
      "nothing_to_follow",
      "no table is to be followed: run audit-chain attach TABLE --mode stream, or select audit_chain_publication('TABLE')",
    );
  if (lost !== null && server.slot !== undefined) await dropSlot(sql, server.slotName);
  // Only what a publication has left out is missed: the log itself is all there.
  const isGapless =
    lost === null && tampered !== null && position !== undefined && gapOf(position, server, file) === null;
  const isAdopted = found === ADOPTED && position !== undefined;
  const lsn =
    isGapless || isAdopted
      ? position.linkedTo
      : await placeOfSlot(sql, lost === null ? server : { ...server, slot: undefined });
  const missedFrom =
    found === null ? null : isAdopted ? "unknown" : lsnText((file.remembered?.to ?? position)?.linkedTo ?? 0n);
  const id = await follow(sql, {
    before: position?.id ?? null,
    slot: server.slotName,
    publications: server.publications,
    lsn,
    missedFrom,
  });
  const begun = await readPosition(sql);
  if (begun?.id !== id) throw new PublisherError("stream", "another capture process is running");
  await file.save({
    systemIdentifier: server.systemIdentifier,
    slot: server.slotName,
    published,
    from: begun,
    to: begun,
    whole: file.remembered?.whole ?? [],
  });
  return { position: begun, published, gap: found === null ? null : `${found}; from ${missedFrom} to ${lsnText(lsn)}` };
}

const removed = ({ remembered }: PositionFile): string | null =>
  remembered === undefined ? null : "the position was removed from the database";

/** What does not fit; null where all of it does. */
function gapOf(
  position: Position,
  { slot, slotName, systemIdentifier }: Server,
  file: PositionFile,
  adoptPosition = false,
): string | null {
  if (position.systemIdentifier !== systemIdentifier) return "the database was restored into another server";
  if (slot === undefined) return `the slot ${slotName} is gone`;
  if (slot.isLost) return `the slot ${slotName} was too far behind: the server has removed what it would have sent`;
  if (slot.isForeign) return `the slot ${slotName} is another one than capture makes`;
  if (position.slot !== slotName) return `the position is one of the slot ${JSON.stringify(position.slot)}`;
  if (slot.confirmed > position.linkedTo) return `the slot ${slotName} was moved forward to ${lsnText(slot.confirmed)}`;
  const { remembered } = file;
  if (remembered === undefined && adoptPosition) return ADOPTED;
  if (remembered === undefined)
    throw new PublisherError(
      "state_missing",
      `the capture state ${file.path} does not exist, and the database has a position, ${placeText(position)}. Put back the newest copy. If there is none, verify the database, and when that is clean: audit-publisher capture --adopt-position, which records a gap`,
    );
  if (remembered.systemIdentifier !== systemIdentifier || remembered.slot !== slotName)
    return "the capture state is one of another server or slot";
  if (!file.knowsFollowed(position))
    return `the position in the database follows the publications ${position.publications.join(", ")}: these are not the ones that capture has followed`;
  if (!file.knows(position))
    return `the position in the database was changed: it should be ${placeText(remembered.to)}${isSamePlace(remembered.from, remembered.to) ? "" : `, or ${placeText(remembered.from)}`}`;
  return null;
}

async function placeOfSlot(sql: Sql, { slot, slotName }: Server): Promise<Lsn> {
  if (slot !== undefined && !slot.isLost && !slot.isForeign) return slot.confirmed;
  if (slot !== undefined) await dropSlot(sql, slotName);
  return await createSlot(sql, slotName);
}

/** Writes a position that is not behind a batch, and returns its id. */
export async function follow(
  sql: Sql,
  to: {
    readonly before: string | null;
    readonly slot: string;
    readonly publications: readonly string[];
    readonly lsn: Lsn;
    readonly missedFrom: string | null;
  },
): Promise<string> {
  const [row] = await sql.unsafe<{ id: string }[]>(
    `select public.audit_chain_follow($1::pg_catalog.int8, $2::pg_catalog.text,
       (select pg_catalog.array_agg(p.name) from pg_catalog.json_array_elements_text($3::pg_catalog.text::pg_catalog.json) as p(name)),
       $4::pg_catalog.pg_lsn, $5::pg_catalog.text)::pg_catalog.text as id`,
    [to.before, to.slot, JSON.stringify(to.publications), lsnText(to.lsn), to.missedFrom],
  );
  return row?.id ?? "";
}
