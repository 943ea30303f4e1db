import { htmlDocument } from "../document.ts";
import { type Markup, markup } from "../markup/markup.ts";
import { mark } from "../markup/verdict-mark.ts";
import { PROOF_SCRIPT } from "./script.generated.ts";
import { PROOF_STYLE } from "./style.ts";

/**
 * One self-contained page that checks a proof, with the code that `verify-proof` runs. It is the same for everybody, asks for
 * the keys, and sends and loads nothing: its content security policy allows one script, this one.
 */
export function proofPage(): string {
  return htmlDocument("Check a proof", "asked", BODY, { style: PROOF_STYLE, script: PROOF_SCRIPT.join("\n") });
}

interface Field {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly isWanted?: boolean;
  readonly rows?: number;
}

const name = ({ id, label, hint, isWanted = false }: Field): Markup => markup`<label for="${id}">${label}${
  isWanted ? null : markup` <small>if you have it</small>`
}</label>
<p class="hint" id="${id}-hint">${hint}</p>`;

const line = (field: Field): Markup => markup`<div class="field">${name(field)}
<input id="${field.id}" aria-describedby="${field.id}-hint" autocomplete="off" autocapitalize="off" spellcheck="false"></div>`;

/** A key may have several lines; most have one. */
const oneLine = (field: Field): Markup => markup`<div class="field">${name(field)}
<textarea id="${field.id}" rows="1" aria-describedby="${field.id}-hint" autocomplete="off" autocapitalize="off" spellcheck="false"></textarea></div>`;

/** Text that may be typed, or be a file's. */
const text = (field: Field): Markup => markup`<div class="field drop" data-field="${field.id}">${name(field)}
<textarea id="${field.id}" rows="${field.rows ?? 3}" aria-describedby="${field.id}-hint" autocomplete="off" autocapitalize="off" spellcheck="false"></textarea>
<p class="file"><input type="file" id="${field.id}-file" aria-label="${field.label}: from a file"><span id="${field.id}-from"></span></p></div>`;

const BODY = markup`<a class="skip" href="#proof">To the first field</a>
<header class="top">
<p class="kicker">Audit chain</p>
<h1>Check a proof</h1>
<p class="lead">Whether an event was recorded in an audit log, and when, and whether a record is what was recorded. Nothing leaves this page: it loads and sends nothing, and works offline.</p>
<noscript><p class="lead bad">Scripts are switched off: nothing can be checked here. <code>audit-chain verify-proof</code> does the same.</p></noscript>
</header>
<main>
<section id="result" class="result" aria-labelledby="verdict" tabindex="-1" hidden>
<h2 class="verdict" id="verdict">${(["intact", "tampered", "unproven"] as const).map((status) => markup`<span data-mark="${status}">${mark(status)}</span>`)}<span id="verdict-text"></span></h2>
<ul id="lines" class="lines"></ul>
</section>
<form id="question" aria-label="What is to be checked" novalidate>
<p class="dropzone">Drop files anywhere on this page, all at once if you like: each goes where it belongs.</p>
${text({ id: "proof", label: "Proof", hint: "A .tlog-proof file. Anybody may have given it to you.", isWanted: true, rows: 5 })}
${text({ id: "keys", label: "The log's verifier keys", hint: "A line each, from its publisher and by another way than the proof: all belief rests on them.", isWanted: true })}
<div class="pair">${line({ id: "kind", label: "Kind of the event", hint: "For example the table, orders; of a change orders:update.", isWanted: true })}
${oneLine({ id: "pk", label: "Key of the event", hint: "For example 42; of a change 42@1042; of a blinded key the hex.", isWanted: true })}</div>
${text({ id: "payload", label: "Record to compare", hint: "The row as JSON, or what was appended. The log has hashes, and no content." })}
${line({ id: "salt", label: "Salt of the row", hint: "32 hex digits, where its table's payloads are salted." })}
<details><summary>Witnesses, and keys that were replaced</summary>
${text({ id: "witnesses", label: "Trust policy", hint: "A C2SP tlog-policy: its quorum must have cosigned the checkpoint." })}
${text({ id: "policy", label: "Verifier's policy file", hint: "JSON. Its retired_keys are believed up to their last head only; nothing else of it is read." })}</details>
<p class="do"><button type="submit">Check</button></p>
</form>
<section aria-labelledby="says">
<h2 id="says">What a proof says, and what not</h2>
<ul class="plain">
<li>That the event <strong>was recorded</strong> at that time, in this order among others, and that the log's publisher had signed it by the time of the checkpoint. Not that the row is so now: each later change is an event of its own, with a proof of its own.</li>
<li>Nothing of its truth. A false row that was entered by the front door was recorded faithfully.</li>
<li>A row that was <strong>erased</strong>, or has <strong>left by a retention</strong>, has its events and their proofs still: who kept a copy can show that it is that row. <code>:erase</code> and <code>:retire</code> say when it left, <code>:restore</code> that it was put back.</li>
<li>Of a table with <strong>salts</strong>, nothing is what was recorded without the row's salt. It goes with the row when that is erased: from then on nobody can show, or guess, what it was.</li>
<li>With <strong>blinded keys</strong> the event's key is a hash under a secret: somebody with the secret must show that it belongs to the key.</li>
<li><code>:record</code> says that the same row was <strong>recorded anew</strong> after a change of its table's shape, under its new columns.</li>
<li>A proof that is refused accuses nobody: it may be damaged, or of a log whose keys you do not have.</li>
</ul>
</section>
</main>
<footer>
<p>This page believes the keys that you give it, and you believe whoever gave you this page. <code>audit-chain prove --page FILE</code> writes it, always the same bytes, and says their SHA-256. <code>audit-chain verify-proof</code> runs the same code, and other people's programs read the same format (C2SP tlog-proof).</p>
</footer>`;
