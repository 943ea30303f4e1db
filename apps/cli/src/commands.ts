import type { CommandContext } from "@scidex/audit-command";
import type { Command } from "commander";

/** A subcommand of `audit-chain`, loaded when it is wanted. */
export interface CommandEntry {
  readonly name: string;
  /** One line for `audit-chain --help`. */
  readonly summary: string;
  readonly load: (context: CommandContext) => Promise<Command>;
  /**
   * Whether it takes its database and sinks from `AUDIT_CONFIG`, else from `audit.config.json` in the current folder. Not those
   * that hold a key, and not those of an auditor: developers write that file. Where it names several databases, the command is
   * run for each, or one has to be chosen.
   */
  readonly readsConfig?: "each" | "one";
}

/** All subcommands, in the order in which one meets them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "init",
    summary: "create or update the chain's tables, functions and roles in a database",
    load: async (context) => (await import("./commands/init.ts")).initCommand(context),
    readsConfig: "one",
  },
  {
    name: "attach",
    summary: "audit tables: capture their rows, refuse or track their changes",
    load: async (context) => (await import("./commands/attach.ts")).attachCommand(context),
    readsConfig: "one",
  },
  {
    name: "detach",
    summary: "stop auditing tables; rows chained before stay checked",
    load: async (context) => (await import("./commands/detach.ts")).detachCommand(context),
    readsConfig: "one",
  },
  {
    name: "sync",
    summary: "audit what audit.config.json names, and take in what migrations have changed",
    load: async (context) => (await import("./commands/sync.ts")).syncCommand(context),
  },
  {
    name: "status",
    summary: "head, tables, pending rows, lock and sinks at a glance",
    load: async (context) => (await import("./commands/status.ts")).statusCommand(context),
    readsConfig: "each",
  },
  {
    name: "append",
    summary: "record one event that has no table",
    load: async (context) => (await import("./commands/append.ts")).appendCommand(context),
    readsConfig: "one",
  },
  {
    name: "lookup",
    summary: "show an event's links, and whether a payload is what was recorded",
    load: async (context) => (await import("./commands/lookup.ts")).lookupCommand(context),
    readsConfig: "one",
  },
  {
    name: "prove",
    summary: "make the proof of an event, to be checked without a database",
    load: async (context) => (await import("./commands/prove.ts")).proveCommand(context),
  },
  {
    name: "verify-proof",
    summary: "check the proof of an event, and whether a payload is what was recorded",
    load: async (context) => (await import("./commands/verify-proof.ts")).verifyProofCommand(context),
  },
  {
    name: "repair-links",
    summary: "write lost and changed links back, as a published tree has them",
    load: async (context) => (await import("./commands/repair-links.ts")).repairLinksCommand(context),
  },
  {
    name: "policy",
    summary: "print what is covered now, to be pinned as the verifier's policy file",
    load: async (context) => (await import("./commands/policy.ts")).policyCommand(context),
  },
  {
    name: "accept",
    summary: "accept findings in the policy: each in the state that it has, and no other",
    load: async (context) => (await import("./commands/accept.ts")).acceptCommand(context),
  },
  {
    name: "erase",
    summary: "delete one row of a table that refuses changes, and sign that this was meant",
    load: async (context) => (await import("./commands/leave/erase.ts")).eraseCommand(context),
  },
  {
    name: "retire",
    summary: "delete rows of a table that refuses changes, once they have passed its retention",
    load: async (context) => (await import("./commands/leave/retire.ts")).retireCommand(context),
    readsConfig: "one",
  },
  {
    name: "restore",
    summary: "put a row back that was changed or deleted past its trigger, if it is what was recorded",
    load: async (context) => (await import("./commands/leave/restore.ts")).restoreCommand(context),
    readsConfig: "one",
  },
  {
    name: "keygen",
    summary: "make the publisher's keys and print the verifier keys",
    load: async (context) => (await import("./commands/keygen.ts")).keygenCommand(context),
  },
  {
    name: "uninstall",
    summary: "remove what init and attach have made, and nothing else",
    load: async (context) => (await import("./commands/uninstall.ts")).uninstallCommand(context),
    readsConfig: "one",
  },
  {
    name: "demo",
    summary: "everything end to end on a PostgreSQL of its own: real rows, a signed head, attacks found",
    load: async (context) => (await import("./commands/demo.ts")).demoCommand(context),
  },
];
