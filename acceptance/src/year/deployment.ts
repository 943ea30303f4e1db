import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { jsonForm } from "@scidex/audit-core";
import type { Change, Step } from "./changes/change.ts";
import { auditChain, expectExit } from "./commands.ts";
import type { Draw } from "./draw.ts";
import type { Platform } from "./platform.ts";
import { readTables, type Table } from "./tables.ts";
import { type Fresh, insertInto } from "./writes.ts";

/** A change that was drawn, and how it is done. */
export interface Planned {
  readonly change: Change;
  readonly table: Table;
  readonly step: Step;
  /** Whether `audit_chain_sync` stands at the migration's end; else only the command takes it in. */
  readonly isSyncedInside: boolean;
}

/** What a deployment did to writers, in milliseconds. */
export interface Waits {
  /** The longest that one insert took, while `sync` ran, and in the same time before. */
  readonly during: number;
  readonly before: number;
  /** How long `sync` ran, its start as a process included. */
  readonly sync: number;
}

/** An application's migration, its `sync` with the deployment's own login, and what the application writes meanwhile. */
export async function deploy(
  platform: Platform,
  planned: readonly Planned[],
  draw: Draw,
  fresh: Fresh,
): Promise<Waits> {
  await using deployer = platform.connect("deployer", 2);
  // The application's version of before writes with the columns that it knows.
  await deployer.begin(async (tx) => {
    for (const { step } of planned) if (step.sql !== "") await tx.unsafe(step.sql);
    for (const { step, isSyncedInside } of planned)
      if (isSyncedInside && step.relation !== null) await tx.unsafe(`select audit_chain_sync('${step.relation}')`);
  });
  for (const { step } of planned) for (const statement of step.between ?? []) await deployer.unsafe(statement);
  for (const { step } of planned) if (step.exclude !== undefined) exclude(platform, step.exclude);
  const waits = await syncBesideWriters(platform, planned, draw, fresh);
  for (const table of planned.flatMap(({ step }) => step.backfill ?? []))
    expectExit(
      `backfill ${table}`,
      await auditChain(["backfill", table], { AUDIT_DATABASE_URL: platform.url("superuser") }),
      0,
    );
  expectExit("sync --check", await sync(platform, "--check"), 0);
  return waits;
}

export async function sync(platform: Platform, ...args: readonly string[]): Promise<ReturnType<typeof auditChain>> {
  return await auditChain(["sync", platform.configFile, ...args], { AUDIT_DATABASE_URL: platform.url("deployer") });
}

function exclude({ configFile }: Platform, { entry, column }: NonNullable<Step["exclude"]>): void {
  const config = JSON.parse(readFileSync(configFile, "utf8")) as { tables: Record<string, { exclude?: string[] }> };
  const options = config.tables[entry] ?? {};
  config.tables[entry] = { ...options, exclude: [...(options.exclude ?? []), column] };
  writeFileSync(configFile, JSON.stringify(config));
}

/** How long writers are watched before `sync`, in milliseconds. */
const BEFORE_MS = 500;

async function syncBesideWriters(
  platform: Platform,
  planned: readonly Planned[],
  draw: Draw,
  fresh: Fresh,
): Promise<Waits> {
  await using deployer = platform.connect("deployer");
  const changed = new Set(planned.map(({ step }) => step.relation));
  const tables = (await readTables(deployer)).filter(({ relation, kind }) => kind !== null && changed.has(relation));
  let isOver = false;
  let longest = 0;
  const writers = tables.map(async (table) => {
    await using app = platform.connect("deployer");
    while (!isOver) {
      const row = insertInto(table, draw, fresh, 0);
      const started = performance.now();
      await app.unsafe(row);
      longest = Math.max(longest, performance.now() - started);
      await sleep(3);
    }
  });
  try {
    if (tables.length > 0) await sleep(BEFORE_MS);
    const before = longest;
    longest = 0;
    const started = performance.now();
    expectExit("sync", await sync(platform), 0);
    return { before, during: longest, sync: performance.now() - started };
  } finally {
    isOver = true;
    await Promise.all(writers);
  }
}

export const describe = ({ change, table, step, isSyncedInside }: Planned): string =>
  `${change.name} (${table.relation}, ${isSyncedInside ? "synced inside" : "synced after"}): ${step.sql || JSON.stringify(jsonForm(step.exclude ?? null))}`;
