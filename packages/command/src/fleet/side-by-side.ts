/**
 * Does work for each item, so many at a time. Who takes long gives his turn away and goes on: some servers that never answer
 * hold up the others for that while, and not for good.
 *
 * @param work must not throw
 * @param patienceMs how long a turn is kept
 */
export async function sideBySide<T>(
  items: readonly T[],
  { atOnce, patienceMs }: { readonly atOnce: number; readonly patienceMs: number },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const running: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    let turns = 0;
    const next = (): void => {
      while (turns < atOnce) {
        const { done, value } = waiting.next();
        if (done === true) return resolve();
        turns++;
        running.push(take(value));
      }
    };
    const take = async (item: T): Promise<void> => {
      let isMine = true;
      const give = (): void => {
        if (!isMine) return;
        isMine = false;
        turns--;
        next();
      };
      const timer = setTimeout(give, patienceMs);
      await work(item);
      clearTimeout(timer);
      give();
    };
    next();
  });
  await Promise.all(running);
}
