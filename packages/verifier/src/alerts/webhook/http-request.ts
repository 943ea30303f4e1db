import { setTimeout as sleep } from "node:timers/promises";
import { CommandError } from "@scidex/audit-command";

export interface RequestOptions {
  /** How often it is tried. */
  readonly attempts?: number;
  /** How long one attempt may take, in milliseconds. */
  readonly timeoutMs?: number;
  /** The pause before the second attempt, in milliseconds; doubled before each further one. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What `request` uses for options that are not given. */
export const REQUEST_DEFAULTS = { attempts: 3, timeoutMs: 10_000, pauseMs: 1_000 } as const;

/** Answers after which the same request may well succeed; any other that is not 2xx is final. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * An http or https URL of a service that is told something.
 *
 * @param where what to name in the message, for example `--heartbeat`
 * @throws {CommandError} `configuration`
 */
export function parseServiceUrl(where: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol))
    throw new CommandError(
      "configuration",
      `${where} is not an http or https URL; expected one such as https://example.org/hook`,
    );
  if (url.username !== "" || url.password !== "")
    throw new CommandError("configuration", `${where} has a user or password in it, which requests can't have`);
  return url;
}

/** A service's name for messages: path and query of such URLs are often secret. */
export const serviceName = (url: URL): string => `${url.origin}/…`;

/**
 * Makes a request until it is answered with 2xx. Redirects are not followed: what is said is meant for this server.
 *
 * @param init is made anew for each attempt, so that a signed time is that of the attempt
 * @throws {CommandError} `unavailable` when it was not taken; `interrupted`
 */
export async function request(
  url: URL,
  init: () => { method: string; headers?: Record<string, string>; body?: string },
  options: RequestOptions = {},
): Promise<void> {
  const { attempts, timeoutMs, pauseMs } = { ...REQUEST_DEFAULTS, ...options };
  for (let attempt = 1; ; attempt += 1) {
    const failure = await once(url, init(), timeoutMs, options.signal);
    if (failure === undefined) return;
    if (options.signal?.aborted) throw new CommandError("interrupted", `stopped while calling ${serviceName(url)}`);
    if (failure.isFinal || attempt >= attempts)
      throw new CommandError("unavailable", `${serviceName(url)} did not take it: ${failure.reason}`);
    await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal: options.signal }).catch(() => undefined);
  }
}

async function once(
  url: URL,
  init: { method: string; headers?: Record<string, string>; body?: string },
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<{ reason: string; isFinal: boolean } | undefined> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      signal: signal ? AbortSignal.any([late, signal]) : late,
    });
    // Whatever it says beside its status: it may be endless.
    await response.body?.cancel();
    if (response.ok) return undefined;
    return {
      reason: `it answered ${response.status}`,
      isFinal: response.status < 500 && !TRANSIENT.has(response.status),
    };
  } catch (error) {
    if (late.aborted) return { reason: `no answer within ${timeoutMs / 1_000} s`, isFinal: false };
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    return { reason: code, isFinal: false };
  }
}
