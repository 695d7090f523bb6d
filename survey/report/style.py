"""How the page looks, on a screen and on A4."""

STYLE = """
:root { --ink: #1d2733; --quiet: #5b6770; --line: #d9dfe5; --tint: #f3f6f9; --accent: #2B1A66; }
* { box-sizing: border-box; }
body { font: 15px/1.5 "Segoe UI", "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, sans-serif; color: var(--ink);
  margin: 0 auto; max-width: 64em; padding: 2.5em 2em 5em; font-variant-numeric: tabular-nums; background: #fff; }
h1 { font-size: 2.1em; line-height: 1.15; margin: 0 0 .15em; letter-spacing: -.01em; }
.subtitle { color: var(--quiet); font-size: 1.08em; margin: 0 0 1.4em; }
h2 { font-size: 1.4em; line-height: 1.25; margin: 2.4em 0 .6em; padding-top: .7em; border-top: 2px solid var(--ink); }
h2 .number { color: var(--quiet); font-weight: 400; margin-right: .3em; }
h3 { font-size: 1.08em; margin: 1.6em 0 .5em; }
p { margin: .55em 0; max-width: 52em; } li { margin: .2em 0; max-width: 52em; }
.told { display: flex; flex-wrap: wrap; gap: .4em 2.6em; margin: 0 0 1.4em; }
.told dt { color: var(--quiet); font-size: .82em; } .told dd { margin: 0; font-weight: 600; }
.figures { display: flex; gap: .8em; margin: 0 0 1.3em; }
.figures div { flex: 1; background: var(--tint); border-top: 3px solid var(--accent); padding: .7em .9em .8em; }
.figures b { display: block; font-size: 1.75em; line-height: 1.2; } .figures span { color: var(--quiet); font-size: .87em; }
.caution { border-left: 4px solid #8E4FB0; background: #f6f1f9; padding: .7em 1em; max-width: none; }
.absent { color: var(--quiet); font-style: italic; } .small { color: var(--quiet); font-size: .84em; overflow-wrap: anywhere; }
nav h2 { font-size: 1.05em; border: 0; margin: 1.8em 0 .3em; padding: 0; }
nav ol { columns: 3; column-gap: 2em; margin: 0; padding-left: 1.5em; } nav a { color: inherit; }
table { border-collapse: collapse; margin: .9em 0; font-size: .89em; line-height: 1.38; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .36em .8em .36em 0; border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; color: var(--quiet); border-bottom: 1.5px solid var(--ink); vertical-align: bottom; }
th.n, td.n { text-align: right; white-space: nowrap; } td:last-child, th:last-child { padding-right: 0; }
td:first-child.n, th:first-child.n { width: 2.6em; }
.facts th { width: 15em; font-weight: 400; color: var(--quiet); } .facts { border-top: 1px solid var(--line); }
.dense { font-size: .8em; } .dense code { white-space: nowrap; } .reasons td:first-child { overflow-wrap: anywhere; }
code { font: .92em "DejaVu Sans Mono", Consolas, monospace; overflow-wrap: anywhere; } .file { overflow-wrap: anywhere; }
figure { margin: 1.2em 0; } figcaption { color: var(--quiet); font-size: .86em; margin-top: .35em; }
svg { display: block; } svg text { font-family: inherit; }
svg.map { width: 100%; height: auto; max-height: 46em; background: #fff; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .35em 1.6em; padding: 0; margin: .2em 0; font-size: .84em; }
.legend li { display: flex; align-items: center; gap: .5em; max-width: none; margin: 0; }
svg.swatch { width: 24px; height: 14px; flex: none; } svg.ramp { width: 190px; height: 34px; flex: none; }
.ring { width: 12px; height: 12px; border: 2px solid #C2189B; border-radius: 50%; display: inline-block; }
.beside { display: flex; gap: 2em; align-items: flex-start; } svg.plot { width: 34em; flex: none; }
.cards { display: grid; grid-template-columns: repeat(5, 1fr); gap: .9em; margin: 1em 0; }
.card { margin: 0; break-inside: avoid; } svg.chip { width: 100%; height: auto; }
.card figcaption { line-height: 1.35; color: var(--ink); font-size: .76em; } .card span, .card strong { display: block; }
.card span { color: var(--quiet); }
@page { size: A4; margin: 16mm 15mm 18mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; color: #5b6770; } }
@media print {
  body { font-size: 9.6pt; padding: 0; max-width: none; } h2 { margin-top: 1.8em; }
  h1, h2, h3 { break-after: avoid; } figure, tr, .short, .figures, .caution { break-inside: avoid; }
  thead { display: table-header-group; } nav a { text-decoration: none; } .cards { grid-template-columns: repeat(4, 1fr); }
  svg.map { max-height: 150mm; } .maps svg.map { max-height: 98mm; } svg.plot { width: 27em; } .beside { gap: 1.2em; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
@media (max-width: 46em) { .figures, .beside { flex-direction: column; } nav ol { columns: 1; }
  .cards { grid-template-columns: repeat(2, 1fr); } svg.plot { width: 100%; } body { padding: 1em; } }
"""
