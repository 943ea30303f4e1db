/// <reference lib="dom" />

/** The largest file that is taken: more than any proof, key, policy or payload has. */
const MAX_BYTES = 20_000_000;

/** A field of the page. A file's text is kept as it is: a text area would change its line ends. */
export class Field {
  readonly #input: HTMLInputElement | HTMLTextAreaElement;
  readonly #from: HTMLElement | null;
  #loaded: string | undefined;
  #problem: string | undefined;
  readonly #changed: () => void;

  readonly #isLenient: boolean;

  /** @param options.isLenient whether what is not UTF-8 in a file is replaced, as Node.js does, and not refused here */
  constructor(id: string, changed: () => void, options: { readonly isLenient: boolean }) {
    this.#isLenient = options.isLenient;
    const input = document.getElementById(id);
    if (!(input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement))
      throw new Error(`the page has no field ${id}`);
    this.#input = input;
    this.#from = document.getElementById(`${id}-from`);
    this.#changed = changed;
    input.addEventListener("input", () => {
      this.#set(undefined, undefined, "");
    });
    const chooser = document.getElementById(`${id}-file`);
    if (chooser instanceof HTMLInputElement)
      chooser.addEventListener("change", () => {
        const file = chooser.files?.[0];
        if (file !== undefined) void this.#take(file, chooser);
      });
  }

  /** @throws {Error} for a file that is no text */
  get text(): string {
    if (this.#problem !== undefined) throw new Error(this.#problem);
    return this.#loaded ?? this.#input.value;
  }

  set isWrong(isWrong: boolean) {
    if (isWrong) this.#input.setAttribute("aria-invalid", "true");
    else this.#input.removeAttribute("aria-invalid");
  }

  focus(): void {
    this.#input.focus();
  }

  async #take(file: File, chooser: HTMLInputElement): Promise<void> {
    this.load(file.name, new Uint8Array(await file.arrayBuffer()));
    // The same file can be chosen again when it has changed.
    chooser.value = "";
  }

  load(name: string, bytes: Uint8Array): void {
    let text = "";
    let problem: string | undefined;
    if (bytes.byteLength > MAX_BYTES) problem = `${name} is too large for what it should be.`;
    // What was to be checked, or believed, must not count as left out.
    else if (bytes.byteLength === 0) problem = `${name} is empty.`;
    else
      try {
        text = new TextDecoder("utf-8", { fatal: !this.#isLenient, ignoreBOM: true }).decode(bytes);
      } catch {
        problem = `${name} is not UTF-8.`;
      }
    this.#input.value = text;
    this.#set(problem === undefined ? text : undefined, problem, problem ?? `${name}, ${bytes.byteLength} bytes`);
  }

  #set(loaded: string | undefined, problem: string | undefined, said: string): void {
    this.#loaded = loaded;
    this.#problem = problem;
    if (this.#from !== null) this.#from.textContent = said;
    this.#changed();
  }
}

/** @throws {Error} where there is none */
export function fieldOf(fields: ReadonlyMap<string, Field>, id: string): Field {
  const field = fields.get(id);
  if (field === undefined) throw new Error(`the page has no field ${id}`);
  return field;
}
