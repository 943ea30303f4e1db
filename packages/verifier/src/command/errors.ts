import { CommandError } from "@scidex/audit-command";

export const usage = (message: string) => new CommandError("usage", message);
export const configuration = (message: string, cause: unknown) => new CommandError("configuration", message, { cause });

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
