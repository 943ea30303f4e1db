import type { EmbeddedServer } from "@scidex/audit-testkit";
import { writeInEveryWay, writeInTwoPhases } from "../busy-tables.ts";
import { ATTACKS, attack } from "./attacks.ts";
import { Auditor } from "./auditor.ts";
import { CHANGES } from "./changes/all.ts";
import type { Change } from "./changes/change.ts";
import { expectExit } from "./commands.ts";
import { deploy, describe, type Planned, sync, type Waits } from "./deployment.ts";
import { Draw } from "./draw.ts";
import { eventsOf, type RunProgram } from "./events/all.ts";
import { openPlatform, type Platform } from "./platform.ts";
import { readTables } from "./tables.ts";
import { type Fresh, writeEverywhere } from "./writes.ts";

export interface YearOptions {
  readonly server: EmbeddedServer;
  readonly weeks: number;
  readonly seed: string;
  /** Runs pg_dump and pg_restore of at least the server's version; without them nothing is dumped. */
  readonly run?: RunProgram | undefined;
  /** Told what happens. */
  readonly tell?: (line: string) => void;
}

/** What there was to be done by people, and what writers felt. */
export interface YearResult {
  readonly publications: number;
  readonly nights: number;
  readonly approvals: number;
  readonly changes: number;
  readonly waits: readonly Waits[];
}

/** Several changes are one migration, as one release has them. */
const MOST_CHANGES = 3;

/**
 * Lives through some weeks on one database. In each the application writes in every way, a release migrates it, somebody
 * attacks it, and something else happens; whatever is not as docs/schema-changes.md and docs/threats.md say is an error.
 */
export async function live({ server, weeks, seed, run, tell = () => {} }: YearOptions): Promise<YearResult> {
  const draw = new Draw(seed);
  let number = 1000;
  const fresh: Fresh = () => number++;
  await using platform = await openPlatform(server);
  const auditor = new Auditor(platform);
  expectExit("the first sync", await sync(platform), 0);
  await auditor.publish();
  await auditor.pin();
  await auditor.night();
  const changes = inTurn(CHANGES, draw);
  const attacks = inTurn(ATTACKS, draw);
  const events = inTurn(eventsOf(run), draw);
  const waits: Waits[] = [];
  let made = 0;
  for (let week = 1; week <= weeks; week++) {
    await write(platform, draw, fresh, `week ${week}`);
    await auditor.publish();
    await auditor.night();

    const planned = await plan(platform, changes, draw, fresh);
    for (const one of planned) tell(`week ${week}: ${describe(one)}`);
    waits.push(await deploy(platform, planned, draw, fresh));
    made += planned.length;
    await auditor.publish();
    tell((await auditor.approve(planned.some(({ change }) => change.needsApproval))).trim());
    await auditor.night();
    await writeOnce(platform, draw, fresh);
    await auditor.publish();
    await auditor.night();

    tell(
      `week ${week}: ${await attack(platform, attacks(), draw, fresh, async () => (await auditor.verify()).divergences)}`,
    );
    await auditor.night();

    const event = events();
    tell(`week ${week}: ${event.name}`);
    await event.run(platform, auditor, week);
    await writeOnce(platform, draw, fresh);
    await auditor.publish();
    await auditor.night();
  }
  return { ...auditor.done, changes: made, waits };
}

/** Draws each once before any comes again. */
function inTurn<T>(items: readonly T[], draw: Draw): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = draw.shuffle(items);
    const next = left.pop();
    if (next === undefined) throw new RangeError("there is nothing to draw from");
    return next;
  };
}

/** The application as it always is: every way to write, at every isolation level, beside each other. */
async function write(platform: Platform, draw: Draw, fresh: Fresh, name: string): Promise<void> {
  const url = platform.url("deployer");
  await Promise.all([writeInEveryWay(url, name, () => true), writeOnce(platform, draw, fresh)]);
  await writeInTwoPhases(url, name);
}

async function writeOnce(platform: Platform, draw: Draw, fresh: Fresh): Promise<void> {
  await using app = platform.connect("deployer");
  await writeEverywhere(app, draw, fresh);
}

/** Some changes, each of another table. What no table has anything for comes another time. */
async function plan(platform: Platform, next: () => Change, draw: Draw, fresh: Fresh): Promise<Planned[]> {
  await using deployer = platform.connect("deployer");
  const tables = draw.shuffle((await readTables(deployer)).filter(({ kind }) => kind !== null));
  const tenants = [...new Set(tables.map(({ schema }) => schema).filter((schema) => schema.startsWith("tenant_")))];
  const rows = await deployer<{ type: string; label: string }[]>`
    select format_type(enumtypid, -1) as type, enumlabel as label from pg_enum order by enumsortorder`;
  const labels = new Map(
    Object.entries(Object.groupBy(rows, ({ type }) => type)).map(([type, list]) => [
      type,
      (list ?? []).map(({ label }) => label),
    ]),
  );
  const wanted = Math.min(draw.between(1, MOST_CHANGES), tables.length);
  const planned: Planned[] = [];
  while (planned.length < wanted) {
    const change = next();
    for (const table of tables.filter((one) => planned.every((other) => other.table !== one))) {
      const step = change.plan({ table, tenants, labels, draw, fresh });
      if (step === undefined) continue;
      const canBeInside = step.relation !== null && step.between === undefined;
      const isSyncedInside = canBeInside && (step.isInside === true || draw.chance(50));
      planned.push({ change, table, step, isSyncedInside });
      break;
    }
  }
  return planned;
}
