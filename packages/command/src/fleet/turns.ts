/** So many turns at a time, taken in the order in which they were asked for. */
export interface TurnOptions {
  readonly atOnce: number;
  /** How long a turn is kept. Who takes longer gives it away and goes on: what hangs delays the others, and does not stop them. */
  readonly patienceMs: number;
}

/** Lets work wait for its turn. */
export class Turns {
  readonly #options: TurnOptions;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** Does the work when its turn has come. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#options.atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken++;
    let isMine = true;
    const give = (): void => {
      if (!isMine) return;
      isMine = false;
      const next = this.#waiting.shift();
      // It goes from hand to hand: nobody who comes in between gets it.
      if (next === undefined) this.#taken--;
      else next();
    };
    const timer = setTimeout(give, this.#options.patienceMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      give();
    }
  }
}
