import type { Finding } from "@scidex/audit-reader";
import { count, counted } from "../markup/amount.ts";
import { Markup, markup } from "../markup/markup.ts";
import { showText } from "../markup/show-text.ts";
import type { PageProof, PageProofs } from "../page-data.ts";
import { recordedLine } from "../proof/words.ts";

/** What proofs there are beside the findings, how they are checked, and why some links have none. */
export function aboutProofs(proofs: PageProofs | null): Markup | null {
  if (proofs === null || proofs.made.size + proofs.missing.size === 0) return null;
  const { made, missing } = proofs;
  return markup`<section class="check" aria-labelledby="proofs">
<h3 id="proofs">Proofs of what was recorded</h3>
${made.size === 0 ? null : HOW}
${
  missing.size === 0
    ? null
    : markup`<p>Some links that findings name have none:</p>
<ul class="plain">${[...missing].map(([why, links]) => markup`<li>${counted(links, "link")}: ${why}</li>`)}</ul>`
}
</section>`;
}

const HOW = markup`<p>Below findings stands the proof of what was published as their link, before it was touched. Do not believe this page: download the proof, and drop it together with the log&#39;s verifier keys onto the page that <code>audit-chain prove --page FILE</code> writes. That works offline, and says the same as <code>audit-chain verify-proof FILE --kind KIND --pk KEY</code>. Give the kind and the key that the proof&#39;s first sentence names.</p>
<p class="meaning">A proof says what was recorded, and when. What is there now, the finding says. Findings that name no single link, such as a row that was never recorded or an interval, have none.</p>`;

/** The proof of what was published as a finding's link, to be opened and downloaded; null where there is none. */
export function findingProof({ seq, eventKind, eventPk }: Finding, proofs: PageProofs | null): Markup | null {
  const proof = seq === undefined ? undefined : proofs?.made.get(seq);
  if (seq === undefined || proof === undefined) return null;
  const { leaf } = proof;
  const isOther =
    (eventKind !== undefined && eventKind !== leaf.eventKind) || (eventPk !== undefined && eventPk !== leaf.eventPk);
  const file = `link-${seq}.tlog-proof`;
  return markup`<details class="proof"><summary>Proof of what was recorded as link ${count(seq)}</summary>
<p><bdi>${recordedLine(proof)}</bdi></p>
${isOther ? markup`<p class="meaning">That is another event than this finding names: the link in the database is not the one that was published.</p>` : null}
<p><a download="${new Markup(file)}" href="${dataUri(proof)}">Download ${file}</a> (<a href="#proofs">how to check it</a>)</p>
<pre>${new Markup(proof.text.split("\n").map(lineText).join("\n"))}</pre>
</details>`;
}

/** A leaf of 14,000 bytes makes the longest line, in UTF-16 units. */
const MAX_LINE = 20_000;
const lineText = (line: string): string => showText(line, MAX_LINE);

/** Of base64, no character can end an attribute. */
const dataUri = ({ text }: PageProof): Markup =>
  new Markup(`data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString("base64")}`);
