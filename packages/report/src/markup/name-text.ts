import { Markup } from "./markup.ts";
import { showText } from "./show-text.ts";

/** Longer names than any honest table, kind, role or sink has are cut, in UTF-16 units: a page is no place for a wall of one. */
const MAX_NAME = 300;
/** The same for keys, which can be longer. */
const MAX_KEY = 700;

/** A name from a hostile source, apart from the text around it, whatever direction it is written in. */
export const nameText = (name: string): Markup => new Markup(`<bdi>${showText(name, MAX_NAME)}</bdi>`);

/** A key. */
export const keyText = (key: string): Markup => new Markup(`<bdi class="key">${showText(key, MAX_KEY)}</bdi>`);
