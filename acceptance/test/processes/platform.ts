// A platform that is always busy: eight writers, half of them under synchronous_commit=off, and a publisher, which all
// go on whatever happens to the server. Tells over IPC what was acknowledged and whatever should not have happened; ends
// when it is told to. node platform.ts DATABASE_URL KEY_FILE SINK
import { setTimeout as sleep } from "node:timers/promises";
import { jsonForm, jsonText } from "@scidex/audit-core";
import { publishHead } from "@scidex/audit-publisher";
import { connect } from "../../src/audited-database.ts";

const WRITERS = 8;
const [url = "", keyFile = "", sink = ""] = process.argv.slice(2);
let isStopping = false;

/** What one message says. */
export type PlatformMessage =
  | { readonly acknowledged: { readonly key: string; readonly tables: readonly string[]; readonly isHasty: boolean } }
  | { readonly published: number }
  | { readonly unexpected: string };

const tell = (message: PlatformMessage): void => void process.send?.(message);

process.on("message", () => (isStopping = true));
// The driver has an exception of its own, in a callback, when its socket goes away between two steps of a write. The
// query under way fails as it should.
process.on("uncaughtException", (error) => {
  if (!error.stack?.includes("nextWrite")) tell({ unexpected: String(error.stack) });
});

/** Whether an error says that the server is down: the connection broke or was refused, or its end was announced. */
function isGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(?:CONNECTION_|ECONN|EPIPE|57P0)/u.test(code);
}

/** Goes on until told to stop, also when the server goes down in the middle, with a new connection each time. */
async function persist(
  settings: Record<string, string>,
  max: number,
  work: (sql: ReturnType<typeof connect>) => Promise<void>,
): Promise<void> {
  while (!isStopping) {
    await using sql = connect(url, { max, connection: settings });
    try {
      while (!isStopping) await work(sql);
    } catch (error) {
      if (!isGone(error)) tell({ unexpected: String(error) });
      await sleep(20);
    }
  }
}

/** What was under way when the server was killed has no answer, and counts as nothing; its key is not used again. */
async function write(writer: number): Promise<void> {
  const isHasty = writer % 2 === 1;
  let n = 0;
  await persist({ synchronous_commit: isHasty ? "off" : "on" }, 1, async (sql) => {
    n++;
    const key = `${writer}-${n}`;
    const tables = ["strict_rows", "sealed_rows", "tracked_rows"].filter((_, t) => n % 3 !== t);
    await sql.begin(async (tx) => {
      for (const table of tables) await tx`insert into ${tx(table)} (id, body) values (${key}, 'first')`;
      if (tables.includes("tracked_rows")) await tx`update tracked_rows set body = 'second' where id = ${key}`;
    });
    tell({ acknowledged: { key, tables, isHasty } });
    await sleep(2);
  });
}

async function publish(): Promise<void> {
  await persist({}, 2, async (sql) => {
    const { status, published, divergences } = await publishHead({ database: sql, keyFile, sinks: [sink] });
    if (status !== "intact") tell({ unexpected: jsonText(jsonForm(divergences)) });
    if (published) tell({ published: Number(published.seq) });
    await sleep(5);
  });
}

await Promise.all([publish(), ...Array.from({ length: WRITERS }, async (_, writer) => await write(writer))]);
process.disconnect?.();
