import { type CommandContext, escapeText, EXIT, type Outcome } from "@scidex/audit-command";
import { type Erasure, formatSeconds, type Link, saltedHash, splitKind, toHex } from "@scidex/audit-core";
import { type EventVerdict, lookup, lookupErasures, readSalt, verifyEvent } from "@scidex/audit-verifier";
import { Command } from "commander";
import { withDatabase } from "../database/database.ts";
import { readPayloadReadings } from "../payload-file.ts";
import { print } from "../text/print.ts";
import { textTable } from "../text/text-table.ts";

interface Options {
  readonly kind: string;
  readonly pk: string;
  readonly payload?: string;
  readonly json?: boolean;
}

const HELP = `
For a tracked table the links of the row's changes are shown too, oldest first. A payload is compared with the newest
link. What a table's row hashes to is a flat JSON object of its columns' texts, for example {"id":"42","done":"t"}. A
row as JSON, {"id":42,"done":true}, is put into these texts first, and the answer says how it was read.
The key is the row's own, also where the table's keys are blinded, if the login may read their secret (a member of
scidex_audit_inspector); else the blinded key finds the event.
Where a table's payloads are salted, a member of scidex_audit_inspector is shown the row's salt, for whoever holds the payload
against a proof (audit-chain verify-proof --salt), and only he can compare one here.
This reads the database and believes it; audit-chain verify does not.

Exit code with --payload: 0 it is what was recorded, 1 it is not, 3 nothing is recorded under this key, the row
has been deleted, retired or erased, or its salt is gone.

Examples:
  $ audit-chain lookup --kind task_events --pk 42
  $ audit-chain lookup --kind model_release --pk 2026-11-r3 --payload release.json`;

/** `audit-chain lookup`: an event's links, and whether a payload is what was recorded. */
export function lookupCommand(context: CommandContext): Command {
  return new Command("lookup")
    .description("Shows an event's links; with a payload, whether it is what was recorded.")
    .requiredOption("--kind <kind>", "the event's kind, for example the table's name")
    .requiredOption("--pk <key>", "its key; of a composite key the JSON array of its texts")
    .option("--payload <file>", "a JSON file to compare, or - for standard input")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((options: Options) => run(context, options)));
}

/** What a verdict says to people, and how the command ends with it. */
const VERDICTS: Readonly<Record<EventVerdict["status"], { text: string; outcome: Outcome }>> = {
  recorded: { text: "the payload is what was recorded", outcome: { exit: EXIT.ok } },
  different: { text: "the payload is NOT what was recorded", outcome: { exit: EXIT.tampered } },
  broken: { text: "the newest link's own hashes do NOT hold: it has been changed", outcome: { exit: EXIT.tampered } },
  deleted: { text: "the row has been deleted since, which is recorded", outcome: { exit: EXIT.failed } },
  retired: { text: "the row has left by its retention, which is recorded", outcome: { exit: EXIT.failed } },
  erased: { text: "the row has been erased since, which is recorded", outcome: { exit: EXIT.failed } },
  forgotten: { text: "the row's salt is gone: nothing says what it was", outcome: { exit: EXIT.failed } },
  unknown: { text: "there is nothing to compare the payload with", outcome: { exit: EXIT.failed } },
};

async function run(context: CommandContext, options: Options): Promise<Outcome | void> {
  const { kind, pk, json } = options;
  const readings = options.payload === undefined ? undefined : await readPayloadReadings(options.payload);
  const use = { command: "lookup", right: "a member of scidex_audit_ro or scidex_audit_inspector" };
  return await withDatabase(context, use, async ({ sql }) => {
    const links = await lookup(sql, { kind, pk });
    const erasures = await lookupErasures(sql, links);
    const judged = readings && (await verifyEvent(sql, { kind, pk, readings }));
    const verdict = judged?.status;
    const reading = readings && (readings.find(({ how }) => how === judged?.readAs) ?? readings[0]);
    const salt = links.length === 0 ? null : await readSalt(sql, { kind, pk });
    const bytes = salt === "gone" ? null : salt;
    const hash = reading && {
      payload_hash: toHex(saltedHash(reading.canonical, bytes)),
      read_as: reading.how,
      verdict,
    };
    await print(
      json,
      {
        event_kind: kind,
        event_pk: pk,
        links: links.map(linkJson),
        ...erasedJson(erasures),
        ...(bytes && { salt: toHex(bytes) }),
        ...hash,
      },
      () => [
        ...(links.length === 0 ? [escapeText(`no event ${kind} ${pk} is in the chain`)] : linkLines(links)),
        ...links.flatMap((link) => restoredLine(link)),
        ...erasures.map((one) => escapeText(erasedLine(one))),
        ...(bytes === null ? [] : [`salt ${toHex(bytes)}`]),
        ...(verdict === undefined
          ? []
          : [`${VERDICTS[verdict].text}${judged?.readAs ? ` (read ${judged.readAs})` : ""}`]),
      ],
    );
    return verdict === undefined ? undefined : VERDICTS[verdict].outcome;
  });
}

const linkJson = (link: Link): object => ({
  seq: Number(link.seq),
  event_kind: link.eventKind,
  event_pk: link.eventPk,
  payload_hash: toHex(link.payloadHash),
  event_hash: toHex(link.eventHash),
  prev_hash: toHex(link.prevHash),
  chain_hash: toHex(link.chainHash),
  before_hash: link.beforeHash === null ? null : toHex(link.beforeHash),
  appended_at: link.appendedAt,
});

const erasedJson = (erasures: readonly Erasure[]): object =>
  erasures.length === 0
    ? {}
    : {
        erased: erasures.map(({ event, at, key, reason }) => ({
          seq: Number(event.seq),
          at: formatSeconds(at),
          key,
          reason,
        })),
      };

const erasedLine = ({ event, at, key, reason }: Erasure): string =>
  `seq ${event.seq}: erased, signed at ${formatSeconds(at)} by ${key.split("+", 2).join("+")}: ${reason}`;

const restoredLine = ({ seq, eventKind, appendedAt, beforeHash }: Link): string[] =>
  splitKind(eventKind).role === "restore"
    ? [
        `seq ${seq}: put back as it was recorded, ${appendedAt}; ${beforeHash === null ? "there was no row" : `the row that was there hashed to ${toHex(beforeHash)}`}`,
      ]
    : [];

const linkLines = (links: readonly Link[]): string[] =>
  textTable([
    ["SEQ", "KIND", "KEY", "APPENDED AT", "PAYLOAD HASH"],
    ...links.map((l) => [String(l.seq), l.eventKind, l.eventPk, l.appendedAt, toHex(l.payloadHash)]),
  ]);
