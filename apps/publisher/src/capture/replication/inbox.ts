/**
 * What has come from the log and has not been read yet, and whoever waits for it. To wake him takes 50 µs, and so he can
 * wait until there is much.
 */
export class Inbox {
  #messages: Buffer[] = [];
  #bytes = 0;
  #wakesAtBytes = 0;
  #isWoken = false;
  #wake: () => void = () => {};

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** @returns how many bytes there are now */
  put(message: Buffer): number {
    this.#messages.push(message);
    this.#bytes += message.length;
    if (this.#bytes > this.#wakesAtBytes) this.#wake();
    return this.#bytes;
  }

  takeAll(): readonly Buffer[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }

  /** Whoever waits goes on, or whoever comes to wait next. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Until there are more than `bytes`, somebody calls `wake`, or the time is over. */
  async wait(ms: number, bytes: number): Promise<void> {
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    this.#wakesAtBytes = bytes;
    const timer = setTimeout(woken.resolve, ms);
    if (!this.#isWoken && this.#bytes <= bytes) await woken.promise;
    clearTimeout(timer);
    this.#isWoken = false;
  }
}
