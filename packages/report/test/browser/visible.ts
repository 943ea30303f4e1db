/// <reference lib="dom" />
import type { Page } from "playwright-core";

/** A text on a page that is hard to read: its contrast with what it stands on, and what it should be. */
export interface Faint {
  readonly text: string;
  readonly ratio: number;
  readonly needed: number;
}

/**
 * The texts of a page whose contrast is below WCAG 2.2 AA (1.4.3): 4.5 to 1, or 3 to 1 for large ones; and strokes of
 * drawings below 3 to 1 (1.4.11), against the page.
 */
export async function faintOf(page: Page): Promise<readonly Faint[]> {
  return await page.evaluate(() => {
    type Colour = readonly [number, number, number, number];
    const parse = (text: string): Colour => {
      const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/gu) ?? []).map(Number);
      return text === "none" ? [0, 0, 0, 0] : [r, g, b, a];
    };
    const over = (top: Colour, below: Colour): Colour => {
      const mix = (i: 0 | 1 | 2) => top[i] * top[3] + below[i] * (1 - top[3]);
      return [mix(0), mix(1), mix(2), 1];
    };
    const groundOf = (element: Element): Colour => {
      const own = parse(getComputedStyle(element).backgroundColor);
      if (own[3] === 1) return own;
      const parent = element.parentElement;
      return over(own, parent === null ? [255, 255, 255, 1] : groundOf(parent));
    };
    const luminance = ([r, g, b]: Colour) => {
      const linear = (value: number) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const ratioOf = (a: Colour, b: Colour) => {
      const [x, y] = [luminance(a), luminance(b)];
      return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    };
    const faint: { text: string; ratio: number; needed: number }[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const element = node.parentElement;
      const text = (node.textContent ?? "").trim();
      if (element === null || text === "") continue;
      const style = getComputedStyle(element);
      const size = Number.parseFloat(style.fontSize);
      const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      const ground = groundOf(element);
      const ratio = ratioOf(over(parse(style.color), ground), ground);
      if (ratio < needed) faint.push({ text: text.slice(0, 60), ratio, needed });
    }
    for (const element of document.querySelectorAll("svg path, svg rect, svg circle")) {
      const stroke = parse(getComputedStyle(element).stroke);
      const ground = groundOf(element);
      const ratio = ratioOf(over(stroke, ground), ground);
      if (stroke[3] > 0 && ratio < 3)
        faint.push({ text: `stroke of ${element.outerHTML.slice(0, 40)}`, ratio, needed: 3 });
    }
    return faint;
  });
}

/** What sticks out of the page to the right or left, so that it would have to be scrolled sideways or is lost. */
export async function overflowOf(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out =
      document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth} wide`] : [];
    for (const element of document.querySelectorAll("body *:not(.skip, thead, thead *)")) {
      const { left, right } = element.getBoundingClientRect();
      if (right > width + 1 || left < -1)
        out.push(`${element.tagName} ${element.className}: ${left} to ${right} of ${width}`);
    }
    return out;
  });
}

/** References inside the page that lead nowhere, and ids that are there twice. */
export async function danglingOf(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => {
    const ids = Array.from(document.querySelectorAll("[id]"), ({ id }) => id);
    const used = [
      ...Array.from(document.querySelectorAll("a:not([download])"), (link) =>
        (link.getAttribute("href") ?? "").replace(/^#/u, ""),
      ),
      ...Array.from(document.querySelectorAll("[aria-labelledby]"), (one) => one.getAttribute("aria-labelledby") ?? ""),
    ];
    return [...used.filter((id) => !ids.includes(id)), ...ids.filter((id, i) => ids.indexOf(id) !== i)];
  });
}
