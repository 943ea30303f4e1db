const FORM = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/u;
const UNITS_MS = [7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000] as const;

/**
 * Reads an ISO 8601 duration of weeks, days, hours, minutes and seconds, whole numbers each (`P2D`, `PT36H`), in
 * milliseconds. Years and months have no fixed length and are refused. Undefined for anything else, and for nothing.
 */
export function parseIsoDuration(text: string): number | undefined {
  const parts = FORM.exec(text)?.slice(1);
  if (parts === undefined) return undefined;
  const ms = parts.reduce((sum, part, i) => sum + Number(part ?? 0) * (UNITS_MS[i] ?? 0), 0);
  return ms > 0 && Number.isSafeInteger(ms) ? ms : undefined;
}
