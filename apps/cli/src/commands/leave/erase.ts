import {
  agentKey,
  type CommandContext,
  CommandError,
  escapeText,
  origin,
  readSecretFile,
  required,
} from "@scidex/audit-command";
import {
  CoreError,
  isElsewhere,
  type NoteSigner,
  parseElsewhere,
  parseSigner,
  signErasure,
  withSignatures,
} from "@scidex/audit-core";
import { Command } from "commander";
import type { Sql } from "postgres";
import { withDatabase } from "../../database/database.ts";
import { partsOf } from "../../database/parts-of.ts";
import { print } from "../../text/print.ts";

const HELP = `
For a table that refuses changes; where they are tracked, rows can be deleted like any others. The row is deleted, which is an
event (facts:erase), and a statement is signed that names row and event, with the reason. The next audit-chain publish puts it
into the sinks. Until then, and without it for ever, the row is source_deleted. The verifier believes the statement if its
policy has the key for this table ("erasure": ["<vkey>"]). KEY is the row's key as text, of several columns a JSON array of their
texts. A row that is not what was recorded stays. Stopped in between, it goes on when it is run again.

Where the table's payloads are salted, the salt goes with the row, so that nobody can find out from the chain what it was. Of a
row that has left in another way (deleted, its partition dropped) the salt alone is taken away, and nothing is signed.

KEY and TEXT go into every sink and stay there: write no personal data into the reason. Where keys are personal data, attach
with --blind-key.

Needs a login with scidex_audit_retention that may read the table and delete from it, and AUDIT_ORIGIN. FILE has the key of
whoever may sign an erasure: audit-chain keygen --erasure makes one.

Example:
  $ audit-chain erase customers 4711 --reason "request 2026-17" --sign /secure/privacy.key`;

interface Options {
  readonly reason: string;
  readonly sign: string;
  readonly json?: boolean;
}

/** `audit-chain erase`: deletes a row of a table that refuses changes, and signs that this was meant. */
export function eraseCommand(context: CommandContext): Command {
  return new Command("erase")
    .description("Deletes one row of a table that refuses changes, and signs a statement that this was meant.")
    .argument("<table>", "the table, named as in SQL")
    .argument("<key>", "the row's key")
    .requiredOption("--reason <text>", "why, without personal data: it stands in every sink")
    .requiredOption("--sign <file>", "the key that signs it")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP)
    .action(context.run((table: string, key: string, options: Options) => run(context, table, key, options)));
}

async function run(context: CommandContext, table: string, key: string, { reason, sign, json }: Options) {
  const name = required("AUDIT_ORIGIN", origin(), "the log's name, such as scidex.ai/audit-chain");
  const signer = await readSigner(sign);
  // Before anything is deleted.
  const sample = { seq: 1n, chainHash: new Uint8Array(32) };
  await signed(signer, { event: sample, kind: table, origin: name, pk: key, reason });
  const use = { command: "erase", right: "a member of scidex_audit_retention who may delete from the table" };
  await withDatabase(context, use, async ({ sql }) => {
    const parts = await partsOf(sql, table);
    const wasThere = await eraseIn(sql, parts, key);
    const event = await eventOf(sql, table, key);
    if (event === undefined && !wasThere && (await forget(sql, table, key)))
      return await print(json, { was_there: false, forgotten: true }, () => [
        escapeText(
          `${table} ${key}: the row was gone already. Its salt is taken away: nothing says any more what it was`,
        ),
      ]);
    if (event === undefined)
      throw new CommandError(
        "failed",
        wasThere
          ? "the row is deleted, and the event waits to be linked (audit-chain seal). Run this again then: nothing is signed yet"
          : `${table} has no row with the key ${JSON.stringify(key)}, and none that was erased`,
      );
    const { kind, pk, seq } = event;
    const note = await signed(signer, { event, kind, origin: name, pk, reason });
    await sql`select public.audit_chain_hand_over(${note})`;
    await print(json, { kind, pk, seq: Number(seq), reason, was_there: wasThere, key: signer.vkey }, () => [
      escapeText(`${kind} ${pk}: ${wasThere ? "erased" : "was erased before"}, which is seq ${seq}`),
      "  a statement is signed; the next audit-chain publish puts it into the sinks. Until then the row is source_deleted",
    ]);
  });
}

async function readSigner(file: string): Promise<NoteSigner> {
  try {
    const line = (await readSecretFile(file)).trim();
    const signer = isElsewhere(line) ? parseElsewhere(line, agentKey) : parseSigner(line);
    if (signer.type === 1) return signer;
  } catch (cause) {
    // The message of a key that cannot be read never repeats it.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError("configuration", `--sign ${file}: ${why}; audit-chain keygen --erasure makes one`, {
      cause,
    });
  }
  throw new CommandError(
    "configuration",
    `--sign ${file} is a time-stamping key; audit-chain keygen --erasure makes one`,
  );
}

async function signed(signer: NoteSigner, erased: Omit<Parameters<typeof signErasure>[1], "at">): Promise<string> {
  const at = BigInt(Math.floor(Date.now() / 1_000));
  try {
    return await withSignatures(() => signErasure(signer, { ...erased, at }));
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new CommandError("usage", `it cannot be signed: ${cause.message}`, { cause });
  }
}

async function eraseIn(sql: Sql, parts: readonly string[], key: string): Promise<boolean> {
  for (const part of parts) {
    const [row] = await sql<{ erased: boolean }[]>`
      select public.audit_chain_erase(${part}::pg_catalog.oid::pg_catalog.regclass, ${key}) as erased`;
    if (row?.erased === true) return true;
  }
  return false;
}

/** Of a table whose payloads are salted: takes away what is left of a row that has gone in another way. */
async function forget(sql: Sql, table: string, key: string): Promise<boolean> {
  const [row] = await sql<{ had: boolean }[]>`
    select public.audit_chain_forget(${table}::pg_catalog.regclass, ${key}) as had`;
  return row?.had === true;
}

/** The event that records an erasure, once it is linked. */
async function eventOf(sql: Sql, table: string, key: string) {
  const [row] = await sql<{ kind: string | null; pk: string; seq: string; chain_hash: string }[]>`
    select e.kind, e.event_pk as pk, e.seq::pg_catalog.text, pg_catalog.encode(e.chain_hash, 'hex') as chain_hash
      from public.audit_chain_erased(${table}::pg_catalog.regclass, ${key}) as e`;
  if (row === undefined || row.kind === null) return undefined;
  const { kind, pk, seq, chain_hash: hash } = row;
  return { kind, pk, seq: BigInt(seq), chainHash: Buffer.from(hash, "hex") };
}
