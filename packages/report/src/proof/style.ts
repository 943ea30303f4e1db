/** What the page that checks proofs needs beside the pages' style: fields, and its answer. */
export const PROOF_STYLE = `
.asked{--tone:var(--link)}
h1{font-size:clamp(2.25rem,8vw,3.5rem);letter-spacing:-.02em;margin:.35rem 0 .75rem}
[hidden]{display:none!important}
form,.result{margin-top:2.5rem}
.result{border-left:.35rem solid var(--tone);padding:.25rem 0 .25rem 1.25rem}
.result:focus-visible{outline-offset:.5rem}
.result .verdict{font-size:clamp(1.75rem,6vw,2.5rem);margin:0 0 .75rem}
.result .mark{display:block}
.lines{list-style:none}.lines li+li{margin-top:.5rem}
.lines li{white-space:pre-wrap}
.dropzone{border:1px dashed var(--soft);padding:1rem;color:var(--soft);text-align:center}
.over .dropzone,.drop.over textarea{background:var(--good-wash);color:var(--ink);border-color:var(--good)}
.field{margin-top:1.5rem}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1.5rem;align-items:end}
.pair .field>*:last-child{height:2.5rem;overflow-y:auto}
label{font-weight:600}
label small{font-weight:400;color:var(--soft);font-size:.875rem}
.hint{color:var(--soft);font-size:.9375rem}
input:not([type=file]),textarea{display:block;width:100%;margin-top:.35rem;padding:.5rem .65rem;font:400 .9375rem/1.45 var(--mono);color:var(--ink);background:var(--wash);border:1px solid var(--soft);border-radius:.2rem}
textarea{resize:vertical;overflow-wrap:anywhere}
.file{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1rem;margin-top:.35rem;color:var(--soft);font-size:.875rem}
input[type=file]{max-width:100%;font:inherit;color:var(--soft)}
input[type=file]::file-selector-button{font:inherit;color:var(--link);background:none;border:1px solid var(--soft);border-radius:.2rem;padding:.2rem .65rem;margin-right:.65rem;cursor:pointer}
[aria-invalid=true]{border-color:var(--bad)!important;border-width:2px!important}
details .field:first-of-type{margin-top:.75rem}
.do{margin-top:1.75rem}
button{font:600 1.0625rem/1.3 var(--sans);color:var(--paper);background:var(--link);border:0;border-radius:.2rem;padding:.7rem 2rem;cursor:pointer}
@media (max-width:44rem){.pair{grid-template-columns:1fr}}
@media print{.file,.do,.dropzone{display:none}}
`;
