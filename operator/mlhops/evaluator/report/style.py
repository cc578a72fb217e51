"""How a report looks: on a phone and on a desk, light and dark, and printed.

Colours are told apart by people who do not see red or green well (blue, vermilion and violet), and
each verdict has a sign and a word as well. Text has a contrast of at least 4.5 to 1 (WCAG 2, AA).
"""

_LIGHT = """--bg:#fff;--card:#f6f7f9;--ink:#1b2430;--soft:#535f6e;--rule:#d5dae1;--link:#0a58a8;
--ok:#0a5ea8;--no:#b23c00;--un:#6a3fa0;--er:#1b2430;--zone:#0a5ea816;--up:#0a5ea8;--down:#8a94a1;
--okb:#e6f0fa;--nob:#fdebe1;--unb:#f1eafa;--erb:#e9ebee;"""
_DARK = """--bg:#12161c;--card:#1b2129;--ink:#e8ecf1;--soft:#aab4c0;--rule:#36404c;--link:#8cc4ff;
--ok:#7dbcff;--no:#ff9d66;--un:#cbaaf5;--er:#e8ecf1;--zone:#7dbcff22;--up:#7dbcff;--down:#8792a0;
--okb:#14304b;--nob:#4a2310;--unb:#352450;--erb:#2c343e;"""

DARK_QUERY = "@media screen and (prefers-color-scheme:dark)"

STYLE = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
{DARK_QUERY}{{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
html{{-webkit-text-size-adjust:100%}}
body{{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}}
.w{{max-width:72rem;margin:0 auto;padding:1rem 1rem 3rem}}
h1,h2,h3,h4{{line-height:1.25;margin:0}}
h1{{font-size:1.6rem}}
h2{{font-size:1.3rem;margin-top:2.75rem;padding-top:1rem;border-top:2px solid var(--rule)}}
h3{{font-size:1.1rem}}
h4{{font-size:1rem;margin-top:1.25rem}}
p{{margin:.5rem 0;max-width:46rem}}
ul{{margin:.5rem 0;padding-left:1.2rem;max-width:46rem}}
li{{margin:.35rem 0}}
a{{color:var(--link);text-underline-offset:.15em}}
a:focus-visible{{outline:3px solid var(--link);outline-offset:2px}}
.skip{{position:absolute;left:-99rem}}
.skip:focus{{left:1rem;top:.5rem;background:var(--bg);padding:.5rem}}
.soft,small,figcaption span{{color:var(--soft)}}
small{{font-size:.85em;unicode-bidi:isolate}}
nav ul{{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:1rem 0 0;
max-width:none}}
.head{{border-left:.4rem solid var(--c);background:var(--b);padding:1rem 1.1rem;margin-top:1rem;
border-radius:.25rem}}
.head p{{margin:.4rem 0 0}}
.ok{{--c:var(--ok);--b:var(--okb)}}.no{{--c:var(--no);--b:var(--nob)}}
.un{{--c:var(--un);--b:var(--unb)}}.er{{--c:var(--er);--b:var(--erb)}}
.v{{color:var(--c);font-weight:600;white-space:nowrap}}
.v i{{font-style:normal;display:inline-block;width:1.2em;text-align:center}}
dl.facts{{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));
gap:.6rem 1.25rem;margin:1.25rem 0 0}}
dl.facts dt{{font-size:.85rem;color:var(--soft)}}
dl.facts dd{{margin:0}}
dl.facts .wide{{grid-column:1/-1}}
.gate{{margin-top:2.25rem}}
.gate h3{{display:flex;flex-wrap:wrap;gap:.15rem 1rem;align-items:baseline}}
.gate h3 small{{font-weight:400}}
.said{{background:var(--card);border-left:.25rem solid var(--c);padding:.6rem .9rem;max-width:none;
border-radius:.25rem}}
table{{border-collapse:collapse;width:100%;font-size:.9rem;margin-top:1rem;
font-variant-numeric:tabular-nums}}
caption{{text-align:left;font-weight:600;padding-bottom:.4rem}}
caption small{{font-weight:400;display:block}}
th,td{{overflow-wrap:normal;padding:.35rem .6rem;text-align:right;vertical-align:middle;
border-bottom:1px solid var(--rule)}}
th{{font-weight:600}}
thead th{{color:var(--soft);font-weight:600;vertical-align:bottom;font-size:.85rem;line-height:1.3}}
tbody th,thead th:first-child,.l{{text-align:left}}
tbody th{{font-weight:500;min-width:10rem;overflow-wrap:anywhere}}
td.d,td.a,td.n1,td.n2,td.n3,td.n4,td.e3,td.e4,td.e5{{white-space:nowrap}}
td.o small{{display:block}}
td .na{{color:var(--soft);font-style:italic}}
td.v,th.v,td.e1,th.e1,td.e2,th.e2{{text-align:left}}
th.v{{color:var(--soft)}}
th.p,td.p{{width:26%;min-width:11rem}}
th.p{{padding:0;text-align:center}}
td.p{{position:relative;padding:0;overflow:hidden}}
td.p .na{{position:relative;background:var(--bg);padding:0 .5rem}}
td.p{{text-align:center}}
tfoot td{{padding:0}}
.vh{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
.ends{{display:flex;justify-content:space-between;gap:1rem;font-weight:400;padding:0 .2rem;white-space:nowrap}}
h3.sub{{margin-top:2rem}}
.guide h3{{margin-top:1.4rem}}
svg{{overflow:visible;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}}
svg.b{{position:absolute;width:0;height:0}}
svg.s{{position:absolute;left:0;top:0;width:100%;height:100%}}
svg.x{{display:block;width:100%;height:27px}}
svg.d{{display:block;width:100%;height:236px;margin-top:.75rem}}
svg.q{{display:block;width:100%;font-size:10px}}
text{{fill:var(--soft);text-anchor:middle}}
.st{{text-anchor:start}}.en{{text-anchor:end}}
.z{{fill:var(--zone)}}
.y{{stroke:var(--soft);stroke-width:1}}
.l{{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:4 3}}
.t{{stroke:var(--soft);stroke-width:1}}
.i{{stroke:var(--c);stroke-width:2}}
.m{{fill:var(--c);stroke:none}}
.h{{fill:var(--bg);stroke:var(--c);stroke-width:2}}
.q{{--c:var(--ok)}}
.f{{fill:none;stroke:var(--rule)}}
.g{{stroke:var(--soft);stroke-dasharray:2 3}}
.c{{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round}}
.e{{--c:var(--down)}}
line.w{{stroke:var(--c);stroke-width:1.2}}
.u{{fill:var(--up);stroke:var(--bg);stroke-width:.5}}.n{{fill:var(--down);stroke:var(--bg);stroke-width:.5}}
.key{{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;font-size:.85rem;color:var(--soft);list-style:none;
padding:0;margin:.6rem 0 0;max-width:none}}
.key svg{{width:26px;height:14px;vertical-align:-2px;margin-right:.35rem;overflow:hidden}}
.key li{{margin:0}}
.many{{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,10.2rem),1fr));
gap:1.25rem 1rem;margin-top:1rem}}
figure{{margin:0;break-inside:avoid}}
.many figure{{display:flex;flex-direction:column;justify-content:space-between}}
figcaption{{font-size:.9rem;font-weight:600;line-height:1.35;margin-bottom:.3rem}}
figcaption span{{display:block;font-weight:400;font-size:.85rem}}
footer{{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--rule);font-size:.85rem;
color:var(--soft)}}
@media screen and (max-width:74rem){{
dl.facts{{grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr))}}
table.r{{display:block}}
table.r caption,table.r tbody,table.r thead,table.r tfoot{{display:block}}
table.r tr{{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem 1rem;padding:.45rem 0;
border-bottom:1px solid var(--rule)}}
table.r th,table.r td{{border:0;padding:0;text-align:left;width:auto;min-width:0;white-space:normal}}
table.r tbody th{{flex:1 1 60%}}
table.g tbody th{{flex:0 0 100%}}
table.r thead tr,table.r tfoot tr{{padding:0;border:0}}
table.r thead th:not(.p){{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
table.r th.p,table.r td.p{{flex:0 0 100%;order:3}}
table.r td.p{{height:26px;margin:.2rem 0;text-align:center}}
table.r td:not(.p):not(.v){{order:4;color:var(--ink)}}
table.r td.v{{order:2;margin-left:auto}}
table.r td.o small{{display:inline}}
table.r td::before{{color:var(--soft);font-size:.85em;margin-right:.35em}}
.n1::before{{content:"Rows"}}.n2::before{{content:"Positives"}}.n3::before{{content:"Negatives"}}
.n4::before{{content:"Prevalence"}}.e1::before{{content:"For"}}.e2::before{{content:"Measure"}}
.e3::before{{content:"Estimate"}}.e4::before{{content:"Interval"}}.e5::before{{content:"Limit"}}
td.a::before{{content:var(--own)}}td.o::before{{content:var(--other)}}td.d::before{{content:var(--what)}}
tfoot td:empty{{display:none}}
}}
@page{{margin:14mm}}
@media print{{
body{{font-size:10.5pt}}
.w{{max-width:none;padding:0}}
nav,.skip{{display:none}}
table{{font-size:7.5pt;margin-top:.6rem}}
th,td{{padding:.2rem .3rem}}
tbody th,th.p,td.p{{min-width:0}}
thead th{{font-size:7pt}}
svg.q{{font-size:11px}}
.many{{grid-template-columns:repeat(5,1fr)}}
dl.facts{{grid-template-columns:repeat(4,1fr)}}
tr,.said,.head,.gate h3,svg.d{{break-inside:avoid}}
h2,h3,h4,caption{{break-after:avoid}}
*{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
}}
"""
