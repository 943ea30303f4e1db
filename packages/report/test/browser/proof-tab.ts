/// <reference lib="dom" />
import type { Page } from "playwright-core";

/** What stands in the page's fields, as bytes (of files) or as typed text. */
export interface Asked {
  readonly proof: string | Uint8Array;
  readonly keys: string;
  readonly kind: string;
  readonly pk: string;
  readonly payload?: string | Uint8Array;
  readonly salt?: string;
  readonly witnesses?: string | Uint8Array;
  readonly policy?: string | Uint8Array;
}

const FIELDS = ["proof", "keys", "kind", "pk", "payload", "salt", "witnesses", "policy"] as const;

/** The page's answer. */
export interface Answered {
  readonly status: string;
  readonly title: string;
  readonly lines: readonly string[];
}

/** Asks the page, one question after the other, by files that are dropped onto its fields and by typing. */
export async function askPage(tab: Page, questions: readonly Asked[]): Promise<readonly Answered[]> {
  const coded = questions.map((question) =>
    FIELDS.map((id) => {
      const value = question[id] ?? "";
      return typeof value === "string" ? { id, text: value, bytes: [] } : { id, text: null, bytes: [...value] };
    }),
  );
  return await tab.evaluate(async (all) => {
    const answers: { status: string; title: string; lines: string[] }[] = [];
    const result = document.querySelector("#result") as HTMLElement;
    for (const fields of all) {
      for (const { id, text, bytes } of fields) {
        const input = document.querySelector(`#${id}`) as HTMLInputElement | HTMLTextAreaElement;
        // What a file has brought before is forgotten with this.
        input.value = text ?? "";
        input.dispatchEvent(new Event("input"));
        if (text !== null) continue;
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(bytes)], "dropped"));
        input.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        while (document.querySelector(`#${id}-from`)?.textContent === "")
          await new Promise((resolve) => setTimeout(resolve));
      }
      (document.querySelector("form") as HTMLFormElement).requestSubmit();
      while (result.hidden) await new Promise((resolve) => setTimeout(resolve));
      answers.push({
        status: document.body.className,
        title: document.querySelector("#verdict-text")?.textContent ?? "",
        lines: Array.from(document.querySelectorAll("#lines li"), (item) => item.textContent ?? ""),
      });
    }
    return answers;
  }, coded);
}
