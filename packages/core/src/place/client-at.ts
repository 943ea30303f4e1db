import { atPlace, DEFAULT_PLACE, isDefaultPlace, type Place, statementAt } from "./place.ts";

/** What is used of a client of the `postgres` driver. Its options are one object, also in its transactions' surroundings. */
interface Client {
  readonly options: object;
}

const places = new WeakMap<object, Place>();

/** Where the chain is that a client was told of with `clientAt`; the default place where it was not. */
export const placeOfClient = ({ options }: Client): Place => places.get(options) ?? DEFAULT_PLACE;

/**
 * The same client, for a chain in another place: its statements of ours go there, and those who get the client know it.
 * Values are never touched, nor is what stands in double quotes, such as names of audited tables.
 *
 *     const sql = clientAt(postgres(url), placeOf({ schema: "audit" }));
 *     await verify(sql, trust);
 */
export function clientAt<T extends Client>(client: T, place: Place): T {
  if (isDefaultPlace(place)) return client;
  places.set(client.options, place);
  return new Placed(place).wrap(client);
}

type AnyFunction = (...args: unknown[]) => unknown;

class Placed {
  readonly #place: Place;
  /** By the template's own strings, which are the same at each call. */
  readonly #templates = new WeakMap<TemplateStringsArray, TemplateStringsArray>();

  constructor(place: Place) {
    this.#place = place;
  }

  wrap<T extends object>(client: T): T {
    return new Proxy(client, {
      apply: (target, self, [first, ...values]: unknown[]): unknown =>
        Reflect.apply(target as unknown as AnyFunction, self, [
          isTemplate(first) ? this.#template(first) : first,
          ...values,
        ]),
      get: (target, name) => this.#member(name, Reflect.get(target, name)),
    });
  }

  #member(name: string | symbol, value: unknown): unknown {
    if (typeof value !== "function") return value;
    const call = value as AnyFunction;
    if (name === "unsafe")
      return (statement: string, ...rest: unknown[]) => call(statementAt(statement, this.#place), ...rest);
    if (name === "reserve") return async () => this.wrap((await call()) as object);
    if (name !== "begin" && name !== "savepoint") return value;
    const wrapping = (work: AnyFunction) => (tx: object) => work(this.wrap(tx));
    return (...args: unknown[]) =>
      call(...args.map((arg) => (typeof arg === "function" ? wrapping(arg as AnyFunction) : arg)));
  }

  #template(strings: TemplateStringsArray): TemplateStringsArray {
    let made = this.#templates.get(strings);
    if (made === undefined) {
      const texts = strings.map((text) => atPlace(text, this.#place));
      made = Object.assign(texts, { raw: texts });
      this.#templates.set(strings, made);
    }
    return made;
  }
}

const isTemplate = (value: unknown): value is TemplateStringsArray => Array.isArray(value) && "raw" in value;
