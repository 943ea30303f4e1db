import type { Auditor } from "../auditor.ts";
import type { Platform } from "../platform.ts";

/** What happens now and then, to the database or by those who look after it. After it a night is clean. */
export interface Event {
  readonly name: string;
  readonly run: (platform: Platform, auditor: Auditor, number: number) => Promise<void>;
}
