import { setTimeout as sleep } from "node:timers/promises";
import { beginLog, rotateKey } from "@scidex/audit-publisher";
import { connect } from "../../audited-database.ts";
import { auditChain, expectExit } from "../commands.ts";
import type { Event } from "./event.ts";
import { DATABASE, ORIGIN, type Platform, sinksOf } from "../platform.ts";

/** A command of whoever looks after rows, with every right on them. */
const owner = async (platform: Platform, ...args: readonly string[]): Promise<void> =>
  void expectExit(
    args.join(" "),
    await auditChain(args, { AUDIT_DATABASE_URL: platform.url("superuser"), AUDIT_ORIGIN: ORIGIN }),
    0,
  );

async function run(platform: Platform, statements: string): Promise<void> {
  await using superuser = platform.connect("superuser");
  await superuser.unsafe(statements);
}

/** What docs/life.md is about: each with what its page says is to be done, and with nothing else. */
export const LAWFUL_EVENTS: readonly Event[] = [
  {
    name: "rows retired",
    run: async (platform, auditor, number) => {
      await run(
        platform,
        `insert into desk.letters select ${number} * 100 + n, 'a letter' from generate_series(1, 5) as n`,
      );
      await auditor.publish();
      await sleep(1_100);
      await owner(platform, "retire", "desk.letters", "--before", "1s");
    },
  },
  {
    name: "a person's row erased",
    run: async (platform, auditor, number) => {
      await run(platform, `insert into desk.persons values (${number}, 'Ada'), (${number + 1_000}, 'Bo')`);
      await auditor.publish();
      await owner(
        platform,
        "erase",
        "desk.persons",
        String(number),
        "--reason",
        "a request",
        "--sign",
        platform.privacyKey,
      );
    },
  },
  {
    name: "a row mended by hand, and accepted",
    run: async (platform, auditor, number) => {
      await run(platform, `insert into desk.notes values (${number}, 'a note'), (${number + 1_000}, 'another')`);
      await auditor.publish();
      await run(
        platform,
        `set session_replication_role = replica; update desk.notes set body = 'by hand' where id = ${number}`,
      );
      await auditor.accept();
      await auditor.night();
      await auditor.publish();
      await run(platform, `update desk.notes set body = 'by the application' where id = ${number}`);
    },
  },
  {
    name: "the key replaced",
    run: async (platform, auditor) => {
      const { keyFile } = platform;
      await using database = platform.connect("publisher", 2);
      const rotated = await rotateKey({ database, keyFile, sinks: sinksOf(platform), origin: ORIGIN });
      if (!("keys" in rotated)) throw new Error("the key could not be replaced");
      platform.vkeys.push(...rotated.keys);
      await auditor.approve(true);
    },
  },
  {
    name: "a backup put back, and another log begun",
    run: async (platform, auditor, number) => {
      const backup = `${DATABASE}_backup`;
      await using maintenance = connect(platform.server.url);
      await maintenance.unsafe(`create database ${backup} template ${DATABASE} owner year_deployer`);
      await run(platform, `insert into desk.letters values (${number} * 100, 'lost')`);
      await auditor.publish();
      await maintenance.unsafe(`drop database ${DATABASE} with (force)`);
      await maintenance.unsafe(`alter database ${backup} rename to ${DATABASE}`);
      if ((await auditor.verify()).status !== "tampered") throw new Error("what the backup lacks was not found");
      const { keyFile } = platform;
      await using database = platform.connect("publisher", 2);
      await beginLog({ database, keyFile, sinks: sinksOf(platform), origin: ORIGIN, reason: "a backup was put back" });
      await auditor.approve(true);
    },
  },
];
