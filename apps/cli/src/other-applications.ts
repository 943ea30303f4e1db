/** A command of another application, which `audit-chain` offers too. */
export interface OtherApplication {
  /** Its name under `audit-chain`. */
  readonly name: string;
  /** One line for `audit-chain --help`. */
  readonly summary: string;
  /** What comes before the arguments there: `publish` of `audit-publisher publish`. */
  readonly words: readonly string[];
  /** Loads that application's executable, which then runs `process.argv` and ends the process. */
  readonly run: () => Promise<unknown>;
}

/** The other applications under one roof. */
export const OTHER_APPLICATIONS: readonly OtherApplication[] = [
  {
    name: "publish",
    summary: "sign the chain's head and append it to every sink (audit-publisher publish)",
    words: ["publish"],
    run: () => import("@scidex/audit-publisher/cli"),
  },
  {
    name: "seal",
    summary: "link the pending rows of sealed tables (audit-publisher seal)",
    words: ["seal"],
    run: () => import("@scidex/audit-publisher/cli"),
  },
  {
    name: "begin",
    summary: "end the log and go on with another in its place (audit-publisher begin)",
    words: ["begin"],
    run: () => import("@scidex/audit-publisher/cli"),
  },
  {
    name: "rotate-key",
    summary: "replace the log's key by a new one, with a head that both sign (audit-publisher rotate-key)",
    words: ["rotate-key"],
    run: () => import("@scidex/audit-publisher/cli"),
  },
  {
    name: "verify",
    summary: "check chain, heads, audited rows and machinery (audit-verify)",
    words: [],
    run: () => import("@scidex/audit-verifier/cli"),
  },
  {
    name: "backfill",
    summary: "chain the rows that were there before a table was attached (audit-backfill)",
    words: [],
    run: () => import("@scidex/audit-backfill/cli"),
  },
  {
    name: "ledger",
    summary: "verify and export the per-agent HMAC ledger (audit-ledger)",
    words: [],
    run: () => import("@scidex/audit-ledger/cli"),
  },
];

/**
 * The other application that a command line asks for, with the command line as that application expects it:
 * `audit-chain publish --json` is `audit-publisher publish --json`, and `audit-chain help publish` its help.
 *
 * @param argv the command line, Node and script included
 */
export function otherApplication(
  argv: readonly string[],
): { readonly run: () => Promise<unknown>; readonly argv: string[] } | undefined {
  const [node = "", script = "", first, ...rest] = argv;
  const isHelp = first === "help";
  const name = isHelp ? rest[0] : first;
  const found = OTHER_APPLICATIONS.find((application) => application.name === name);
  if (found === undefined) return undefined;
  const others = isHelp ? ["--help"] : rest;
  return { run: found.run, argv: [node, script, ...found.words, ...others] };
}
