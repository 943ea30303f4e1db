import postgres, { type Sql } from "postgres";

/** What a program is to work on. */
interface Given {
  readonly database: Sql;
  readonly keyFile: string;
  readonly sinks: readonly string[];
}

/** Works on what the arguments name (URL KEYFILE SINK…), to be killed meanwhile, and says what fails. */
export async function runProgram(work: (given: Given) => Promise<unknown>): Promise<void> {
  const [url = "", keyFile = "", ...sinks] = process.argv.slice(2);
  const database = postgres(url, { max: 3, fetch_types: false, onnotice: () => {} });
  await database`select 1`;
  process.send?.("ready");
  try {
    await work({ database, keyFile, sinks });
  } catch (error) {
    process.send?.(String(error));
  }
  await database.end();
  process.disconnect();
}
