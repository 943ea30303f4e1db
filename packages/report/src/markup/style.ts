/**
 * The page's style sheet. Colours stand in variables, light and dark; text has a contrast of at least 4.5 to 1 on
 * whatever it can stand on, which a test computes in a browser.
 */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fcfbf8;--ink:#1e2226;--soft:#595f66;--rule:#dcd8cf;--wash:#f4f1ea;
--good:#0f6455;--good-wash:#cfe5de;--warn:#7d4e00;--warn-wash:#f5e6c8;--bad:#a3211a;--bad-wash:#f8dedb;--chip:#5b2a86;--chip-wash:#eee3f7;--link:#1b4f8f;
--serif:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{--paper:#15181b;--ink:#e8e5de;--soft:#a5abb2;--rule:#343a40;--wash:#1e2226;
--good:#6cc9b4;--good-wash:#1c3f38;--warn:#e2b25c;--warn-wash:#42321a;--bad:#ff9b8f;--bad-wash:#4a2320;--chip:#d3b0f2;--chip-wash:#382748;--link:#8fbcf2}}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--wash:#f4f4f4;
--good:#0f6455;--good-wash:#cfe5de;--warn:#7d4e00;--warn-wash:#f5e6c8;--bad:#a3211a;--bad-wash:#f8dedb;--chip:#5b2a86;--chip-wash:#eee3f7;--link:#000}}
*{box-sizing:border-box}
html{background:var(--paper);-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;color:var(--ink);background:var(--paper);font:400 1rem/1.55 var(--sans);overflow-wrap:anywhere;border-top:.5rem solid var(--tone)}
.intact{--tone:var(--good)}.tampered{--tone:var(--bad)}.unproven{--tone:var(--warn)}
body>*{max-width:62rem;margin-inline:auto;padding-inline:clamp(1rem,4vw,3rem)}
bdi{unicode-bidi:isolate}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:3px}
.skip{position:absolute;left:-200vw}.skip:focus{position:static;display:block}
h1,h2,h3,p,dl,ul,ol,figure{margin:0;padding:0}
h1,h2,h3{font-family:var(--serif);font-weight:600;line-height:1.2;text-wrap:balance}
h2{font-size:1.5rem;margin-bottom:1rem}
h3{font-size:1.125rem}
section{margin-top:3.5rem}
section section.check{margin-top:2.25rem}
main>section>p+*,main>section>*+p{margin-top:.75rem}
.top{padding-top:clamp(1.5rem,6vw,3.5rem)}
.kicker{color:var(--soft)}
.verdict{display:flex;align-items:center;gap:.25em;color:var(--tone);font-size:clamp(2.75rem,11vw,4.75rem);letter-spacing:-.02em;margin:.35rem 0 .5rem}
.mark{width:.72em;height:.72em;flex:none;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.lead{font-size:1.25rem;line-height:1.45;max-width:44rem;text-wrap:pretty}
.about{color:var(--soft);margin-top:.75rem}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1.25rem clamp(1rem,4vw,2rem);margin-top:2rem;padding-top:1.25rem;border-top:1px solid var(--rule)}
.numbers dt{color:var(--soft)}
.numbers dd{margin:0;font:600 1.5rem/1.3 var(--serif);font-variant-numeric:lining-nums tabular-nums}
.numbers small{display:block;font:400 .875rem/1.4 var(--sans);color:var(--soft)}
.plot{position:relative}
.top-label{color:var(--soft);font-size:.875rem;text-align:right;line-height:1.3}
.growth{display:block;width:100%;height:9.5rem;border-bottom:1px solid var(--soft);border-top:1px dashed var(--rule)}
.growth path{vector-effect:non-scaling-stroke;fill:none}
.growth .anchored-area{fill:var(--good-wash)}.growth .open-area{fill:var(--warn-wash)}
.anchored-line,.open-line,.lost-line,.other-line{stroke-width:2;stroke-linejoin:round}
.anchored-line{stroke:var(--good)}.open-line{stroke:var(--warn);stroke-dasharray:5 4}.lost-line{stroke:var(--bad);stroke-dasharray:2 3}.other-line{stroke:var(--soft);stroke-dasharray:2 3}
.bad-band{fill:var(--bad);opacity:.28}
.row{margin-top:.5rem}
.row p{font-size:.875rem;line-height:1.4}
.row svg{display:block;width:100%;height:.75rem}
.row path{vector-effect:non-scaling-stroke;stroke:var(--good);stroke-width:1.5;fill:none}
.row .bad-ticks path{stroke:var(--bad);stroke-width:2.5}
.axis{position:relative;height:1.5rem;margin-top:.5rem;padding-top:.25rem;border-top:1px solid var(--rule);color:var(--soft);font-size:.875rem;line-height:1.3;font-variant-numeric:tabular-nums;white-space:nowrap}
.axis span{position:absolute}.p25{left:25%}.p50{left:50%}.p75{left:75%}.p25,.p50,.p75{transform:translateX(-50%)}.p100{right:0}
figcaption{margin-top:1rem;font-size:.9375rem}
figcaption p{color:var(--soft);margin-top:.35rem}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.35rem 1.75rem}
.legend li::before{content:"";display:inline-block;width:1.5rem;height:.7rem;margin-right:.5rem;border-top:2px solid var(--swatch);background:var(--swatch-wash)}
.key-anchored{--swatch:var(--good);--swatch-wash:var(--good-wash)}.key-open{--swatch:var(--warn);--swatch-wash:var(--warn-wash)}.key-open::before{border-top-style:dashed!important}.key-bad{--swatch:var(--bad);--swatch-wash:var(--bad-wash)}
.contents{list-style:none;columns:2 18rem;column-gap:3rem}
.contents li{break-inside:avoid;padding:.15rem 0}
.tally,.none{color:var(--soft)}
.name{font-size:.8125rem;color:var(--soft);font-weight:400}
code{font-family:var(--mono);font-size:.875em}
.meaning{color:var(--soft);margin-top:.25rem;max-width:44rem}
.findings{list-style:none;margin-top:.75rem}
.findings>li{padding:.85rem 0 .85rem 1.1rem;border-left:3px solid var(--bad);margin-top:.75rem}
.more .findings>li{content-visibility:auto;contain-intrinsic-block-size:8rem}
.findings>li>*+*{margin-top:.2rem}
.where{display:flex;flex-wrap:wrap;gap:.1rem 1rem}
.key{font-weight:600}
.key::before{content:"· ";font-weight:400}
.sides div{display:grid;grid-template-columns:5.5rem 1fr;gap:.5rem}
.sides dt{color:var(--soft);font-size:.875rem}
.sides dd{margin:0}
.sides code{font-size:.8125rem}
.ch{font:500 .8em/1.3 var(--mono);color:var(--chip);background:var(--chip-wash);border-radius:.2em;padding:0 .25em;margin:0 .1em;white-space:nowrap}
.proof pre{margin:.5rem 0 0;padding:.75rem 1rem;background:var(--wash);font:.8125rem/1.5 var(--mono);white-space:pre-wrap}
details{margin-top:1rem}
summary{cursor:pointer;color:var(--link);padding:.25rem 0}
.checks>div{display:grid;grid-template-columns:1fr auto;gap:.25rem 2rem;padding:.6rem 0;border-top:1px solid var(--rule)}
.checks>div:last-child{border-bottom:1px solid var(--rule)}
.checks dd{margin:0;font-weight:600;text-align:right}
.checks .ok dd{color:var(--good)}.checks .failed dd{color:var(--bad)}.checks .unproven dd{color:var(--warn)}.checks .skipped dd{color:var(--soft);font-weight:400}
.plain{padding-left:1.15rem;max-width:48rem}
.plain li{padding:.2rem 0}
.plain li::marker{color:var(--soft)}
.plain+h3{margin-top:1.5rem}h3+.plain{margin-top:.4rem}
.bad{color:var(--bad)}
table{width:100%;table-layout:fixed;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.55rem 1.25rem .55rem 0;border-bottom:1px solid var(--rule);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-size:.875rem;vertical-align:bottom}
tbody th{font-weight:600}
.number{text-align:right}
.days{display:block;width:100%;max-width:31rem;height:1.25rem}
.day-intact{fill:var(--good)}.day-tampered{fill:var(--bad)}.day-unproven{fill:var(--warn)}.day-none{fill:var(--soft)}
.c-month{width:12%}.c-days{width:44%}.c-night{width:27%}.c-word{width:16%}
.c-table{width:40%}.c-links{width:15%}.c-rows{width:29%}
.c-sink{width:37%}.c-heads{width:9%}.c-time{width:15.5%}.c-up{width:11%}
.c-since{width:10%}.c-recorded{width:17%}.c-relation{width:23%}.c-by{width:13%}
@media (max-width:44rem){
section{margin-top:2.75rem}
.p25,.p75{display:none}
table,thead,tbody,tr,th,td{display:block;width:auto!important}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.6rem 0;border-bottom:1px solid var(--rule)}
th,td{border:0;padding:.1rem 0}
td{display:grid;grid-template-columns:8rem 1fr;gap:.75rem}
td::before{content:attr(data-column);color:var(--soft);font-size:.875rem}
.number{text-align:left}
.sides div{grid-template-columns:1fr;gap:0}
}
footer{margin-top:4rem;padding-block:1.5rem 3rem;color:var(--soft);font-size:.9375rem}
footer>*{border-top:1px solid var(--rule);padding-top:1.25rem}
footer dl div{display:grid;grid-template-columns:8rem 1fr;gap:.75rem}
footer dl{border:0;padding-top:.5rem}footer dd{margin:0}
@media print{html{font-size:10pt}body{border-top:0}body>*{max-width:none;padding-inline:0}a{text-decoration:none}
.findings>li,.more .findings>li{content-visibility:visible;break-inside:avoid}tr,.numbers>div,figure{break-inside:avoid}h2,h3{break-after:avoid}.skip,nav{display:none}
section{margin-top:1.75rem}
svg,.legend li::before,.ch{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
