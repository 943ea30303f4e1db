/** Names of logs that follow each other: `scidex.ai/audit-chain`, `scidex.ai/audit-chain/2`, `scidex.ai/audit-chain/3`. */

/** The name of the log that follows one. */
export function successorOf(origin: string): string {
  const [, before = origin, number = "1"] = /^(.+)\/([2-9]|[1-9]\d{1,5})$/u.exec(origin) ?? [];
  return `${before}/${Number(number) + 1}`;
}

/** More logs than this never follow each other. */
const MAX_SUCCESSORS = 1000;

/** Whether a log is another one, or follows it after however many. */
export function isSuccessor(origin: string, of: string): boolean {
  let name = of;
  for (let i = 0; i < MAX_SUCCESSORS && name !== origin; i++) name = successorOf(name);
  return name === origin;
}
