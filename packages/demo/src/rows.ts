import type { Sql } from "postgres";
import type { Commit } from "./commits.ts";
import type { LockedPackage } from "./locked-packages.ts";

/** How many connections write at once. */
export const CONNECTIONS = 16;

/** A row to be inserted. */
export type Insert = (sql: Sql) => Promise<unknown>;

/** Each package as a row of `artifact_provenance`. */
export function provenanceRows(packages: readonly LockedPackage[]): Insert[] {
  return packages.map(
    ({ id, integrity, dependencies }) =>
      (sql) =>
        sql`insert into artifact_provenance (action_id, artifact_id, action, actor, content_hash, inputs)
            values (${`lock:${id}`}, ${id}, 'locked', 'pnpm', ${integrity}, ${JSON.stringify(dependencies)}::text::jsonb)`,
  );
}

/** Each commit as a row of `task_events`. */
export function taskRows(commits: readonly Commit[]): Insert[] {
  return commits.map(
    ({ hash, time, subject }, i) =>
      (sql) =>
        sql`insert into task_events (id, task_id, event_type, detail, created_at)
            values (${i + 1}, ${hash.slice(0, 12)}, 'commit', ${JSON.stringify({ hash, subject })}::text::jsonb, ${time}::text::timestamptz)`,
  );
}

/** Inserts rows over all of the client's connections at once, each row in a transaction of its own. */
export async function insertAtOnce(sql: Sql, rows: readonly Insert[], signal: AbortSignal): Promise<void> {
  const queue = rows.values();
  const connections = Array.from({ length: CONNECTIONS }, async () => {
    for (const insert of queue) {
      signal.throwIfAborted();
      await insert(sql);
    }
  });
  await Promise.all(connections);
}
