/** The number of a link in its chain: 1, 2, 3 … without gaps. */
export type Seq = bigint;

/** Microseconds, as a link has its time: since the Unix epoch, or of a span. (PostgreSQL's binary form counts from 2000.) */
export type Micros = bigint;

/** Whole seconds, as a signature has its time: since the Unix epoch, or of a span. */
export type Seconds = bigint;

export const microsOfSeconds = (seconds: Seconds): Micros => seconds * 1_000_000n;

/** @param millis whole milliseconds, as `Date.now` has them */
export const microsOfMillis = (millis: number): Micros => BigInt(millis) * 1000n;
