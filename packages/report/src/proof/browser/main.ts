/// <reference lib="dom" />
/** The script of the page that checks proofs (proof-page.ts): its fields in, an answer out. */
import { answered } from "./ask.ts";
import { Field, fieldOf } from "./field.ts";
import { belongsTo } from "./belongs-to.ts";
import { check, type Shown } from "./check.ts";

const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no ${id}`);
  return element;
};

const fields = new Map(
  ["proof", "keys", "kind", "pk", "payload", "salt", "witnesses", "policy"].map((id) => [
    id,
    new Field(id, hideResult, { isLenient: id === "proof" }),
  ]),
);
const field = (id: string): Field => fieldOf(fields, id);
const result = byId("result");

byId("question").addEventListener("submit", (event) => {
  event.preventDefault();
  void answered(() =>
    check({
      proof: field("proof").text,
      keys: field("keys").text,
      kind: field("kind").text,
      pk: field("pk").text,
      payload: field("payload").text,
      salt: field("salt").text,
      witnesses: field("witnesses").text,
      policy: field("policy").text,
    }),
  ).then(show, (error: unknown) => show({ status: "unproven", title: "Not checked", lines: [messageOf(error)] }));
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function show({ status, title, lines, wrong }: Shown): void {
  for (const [id, one] of fields) one.isWrong = id === wrong;
  document.body.className = status;
  for (const mark of document.querySelectorAll<HTMLElement>("[data-mark]"))
    mark.hidden = mark.dataset["mark"] !== status;
  byId("verdict-text").textContent = title;
  document.title = `${title} - Check a proof`;
  byId("lines").replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }),
  );
  result.hidden = false;
  if (wrong === undefined) result.focus();
  else field(wrong).focus();
}

/** What was answered is of what was asked then. */
function hideResult(): void {
  result.hidden = true;
  document.body.className = "asked";
  document.title = "Check a proof";
  for (const one of fields.values()) one.isWrong = false;
}

const over = (target: EventTarget | null): Element | null =>
  target instanceof Element ? target.closest(".drop") : null;

for (const name of ["dragenter", "dragover", "dragleave", "drop"] as const)
  document.addEventListener(name, (event) => {
    event.preventDefault();
    const isOver = name === "dragenter" || name === "dragover";
    for (const marked of document.querySelectorAll(".over")) marked.classList.remove("over");
    if (isOver) (over(event.target) ?? document.body).classList.add("over");
  });

document.addEventListener("drop", (event) => {
  const files = [...(event.dataTransfer?.files ?? [])];
  const onto = over(event.target)?.getAttribute("data-field") ?? null;
  void take(files, files.length === 1 ? onto : null);
});

/** Puts files where they belong; a single one that was dropped onto a field, there. */
async function take(files: readonly File[], onto: string | null): Promise<void> {
  for (const file of files) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    field(onto ?? belongsTo(bytes)).load(file.name, bytes);
  }
}
