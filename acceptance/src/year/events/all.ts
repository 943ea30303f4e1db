import { migrate } from "@scidex/audit-schema";
import { drizzle } from "drizzle-orm/postgres-js";
import { connect } from "../../audited-database.ts";
import { expectExit } from "../commands.ts";
import { sync } from "../deployment.ts";
import { type Event } from "./event.ts";
import { LAWFUL_EVENTS } from "./lawful.ts";
import { DATABASE } from "../platform.ts";

/** Runs one of PostgreSQL's own programs with these arguments on the database of a URL. */
export type RunProgram = (name: string, url: string, args: readonly string[]) => Promise<string>;

/** A full dump, restored beside the database and put in its place, with owners and rights. */
const restored = (run: RunProgram): Event => ({
  name: "a dump and a restore",
  run: async (platform) => {
    const { server, url } = platform;
    const file = `${server.dataDir}.dump`;
    await run("pg_dump", url("superuser"), ["--format=custom", `--file=${file}`]);
    await using maintenance = connect(server.url);
    await maintenance.unsafe(`drop database ${DATABASE} with (force)`);
    await maintenance.unsafe(`create database ${DATABASE} owner year_deployer`);
    await run("pg_restore", url("superuser"), ["--exit-on-error", `--dbname=${DATABASE}`, file]);
    expectExit("sync after the restore", await sync(platform), 0);
  },
});

const EVENTS: readonly Event[] = [
  {
    name: "a crash",
    run: async ({ server }) => {
      await server.kill();
      await server.start();
    },
  },
  {
    name: "VACUUM FULL",
    run: async (platform) => {
      await using superuser = platform.connect("superuser");
      await superuser.unsafe("vacuum full");
    },
  },
  {
    name: "init again",
    run: async (platform) => {
      await using superuser = platform.connect("superuser", 2);
      await migrate(drizzle(superuser));
    },
  },
];

/** @param run undefined where there is no pg_dump for this server */
export const eventsOf = (run: RunProgram | undefined): readonly Event[] => [
  ...(run === undefined ? [] : [restored(run)]),
  ...EVENTS,
  ...LAWFUL_EVENTS,
];
