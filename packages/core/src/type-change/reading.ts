/**
 * From the text of a value as it is now to the texts that it may have been recorded with: all texts that the change of
 * type takes to this one.
 *
 * - one text, nearly always;
 * - none: no old value can have become this one. Somebody has written it since;
 * - several: the change took several values to one (a clock that was put back shows an hour twice). No text stands for
 *   two live texts, so that what was recorded still belongs to one live value only;
 * - null: the texts depend on what is not known here (see `zone.ts`).
 */
export type Reading = (live: string) => readonly string[] | null;

/** The reading where the text stays: of live texts that the old type can have. */
export const sameWhere =
  (canBeOld: (text: string) => boolean): Reading =>
  (live) =>
    canBeOld(live) ? [live] : [];

/** The reading where every text stays. */
export const same: Reading = (live) => [live];

/** The reading where one text at most can have become the live one. */
export const one =
  (oldText: (live: string) => string | undefined): Reading =>
  (live) => {
    const old = oldText(live);
    return old === undefined ? [] : [old];
  };

/** The reading of two changes, the later one first. */
export const after =
  (later: Reading, earlier: Reading): Reading =>
  (live) => {
    const between = later(live);
    if (between === null) return null;
    const olds: string[] = [];
    for (const text of between) {
      const texts = earlier(text);
      if (texts === null) return null;
      olds.push(...texts);
    }
    return olds;
  };
