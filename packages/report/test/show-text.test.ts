import { describe, expect, it } from "vitest";
import { MAX_SHOWN, showText } from "../src/markup/show-text.ts";

const shown = (name: string) => `<span class="ch">${name}</span>`;

describe("text of a hostile source", () => {
  it("cannot be markup, in an element or in an attribute", () => {
    expect(showText(`<img src="x" onerror='alert(1)'>&amp;`)).toBe(
      "&lt;img src=&quot;x&quot; onerror=&#39;alert(1)&#39;&gt;&amp;amp;",
    );
  });

  it.each([
    ["\0", "U+0000"],
    ["\n", "U+000A"],
    ["\u001b", "U+001B"],
    ["\u0085", "U+0085"],
    ["\u00a0", "U+00A0"],
    ["\u00ad", "U+00AD"],
    ["\u034f", "U+034F"],
    ["\u061c", "U+061C"],
    ["\u115f", "U+115F"],
    ["\u180e", "U+180E"],
    ["\u2003", "U+2003"],
    ["\u200b", "U+200B"],
    ["\u200f", "U+200F"],
    ["\u2028", "U+2028"],
    ["\u202e", "U+202E"],
    ["\u2066", "U+2066"],
    ["\u2800", "U+2800"],
    ["\u3000", "U+3000"],
    ["\u3164", "U+3164"],
    ["\ud800", "U+D800"],
    ["\udc00", "U+DC00"],
    ["\ue000", "U+E000"],
    ["\ufe0f", "U+FE0F"],
    ["\ufeff", "U+FEFF"],
    ["\ufffb", "U+FFFB"],
    ["\u{110bd}", "U+110BD"],
    ["\uffff", "U+FFFF"],
    ["\u{e0041}", "U+E0041"],
    ["\u{10fffe}", "U+10FFFE"],
  ])("shows %j by its number", (character, name) => {
    expect(showText(`a${character}b`)).toBe(`a${shown(name)}b`);
  });

  it("is left as it is where it is honest, in any script", () => {
    const texts = [
      "plain text 42",
      "Grüße, Ångström",
      "данные",
      "日本語のテキスト",
      "עברית",
      "العربية",
      "हिन्दी",
      "e\u0301",
      "🙂 ♥ €",
    ];
    for (const text of texts) expect(showText(text)).toBe(text);
  });

  it("does not pile marks up over its neighbours", () => {
    expect(showText(`e${"\u0301".repeat(40)}x`)).toBe(`e${"\u0301".repeat(4)}${shown("36 more marks")}x`);
  });

  it("is cut where it has no end, and says so", () => {
    expect(showText("x".repeat(MAX_SHOWN + 7))).toBe(`${"x".repeat(MAX_SHOWN)}${shown("7 more")}`);
    expect(showText("\u{1f642}".repeat(1_000_000)).length).toBeLessThan(20_000);
    expect(showText("\u0301".repeat(1_000_000)).length).toBeLessThan(100);
  });
});
