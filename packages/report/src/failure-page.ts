import { htmlDocument } from "./document.ts";
import { markup } from "./markup/markup.ts";
import { momentText } from "./markup/moment.ts";
import type { FailureData } from "./page-data.ts";
import { mark } from "./markup/verdict-mark.ts";

/**
 * The page of a verification that could not be done at all. It takes the place of an older one: that one would go on
 * saying that all is well, when nobody has looked since.
 */
export function failurePage({ failedAt, command, origin, database, reason }: FailureData): string {
  return htmlDocument(
    `Not verified: audit chain ${origin ?? ""}`,
    "unproven",
    markup`<main class="top" id="content">
<p class="kicker">Verification of an audit chain${origin === null ? null : markup` · <bdi>${origin}</bdi>`}</p>
<h1 class="verdict">${mark("unproven")}Not verified</h1>
<p class="lead">The verification could not be done. Nothing is known of the chain at this time: that is no all-clear.</p>
<p class="about">Tried ${momentText(failedAt / 1000)}${database === null ? null : markup`, database <bdi>${database}</bdi>`}.</p>
<section aria-labelledby="reason">
<h2 id="reason">Why</h2>
<p><bdi>${reason}</bdi></p>
</section>
</main>
<footer><p>Made by <code>${command}</code>. This page has no script and loads nothing.</p></footer>`,
  );
}
