/** One column, the reader's own fonts, figures that line up; nothing is fetched. */
export const style = `
:root { color-scheme: light; --ink: #1d1d1f; --faint: #6b6b70; --line: #d9d9de; --good: #00704f; --warn: #a65a00; --bad: #b3261e; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 816px; padding: 24px 28px 48px; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 4px; padding-top: 14px; border-top: 2px solid var(--ink); overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 22px 0 2px; }
p { margin: 4px 0; overflow-wrap: anywhere; }
.faint { color: var(--faint); }
.state { display: inline-block; padding: 1px 10px; border-radius: 999px; border: 1.5px solid currentColor; font-weight: 600; }
.succeeded { color: var(--good); } .failed { color: var(--bad); } .succeeded_with_rejects, .held, .cancelled, .stalled { color: var(--warn); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--faint); } th:first-child, td:first-child { text-align: left; padding-left: 0; }
td span.faint { display: block; white-space: normal; min-width: 18ch; }
tr.sum td { border-top: 2px solid var(--ink); border-bottom: 0; font-weight: 600; }
.equation { font-variant-numeric: tabular-nums; font-size: 16px; margin: 8px 0; }
figure { margin: 4px 0 0; } figure svg { display: block; max-width: 100%; height: auto; overflow: visible; }
.narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; color: var(--faint); font-size: 13px; }
.legend i { display: inline-block; width: 11px; height: 11px; margin-right: 5px; border-radius: 2px; vertical-align: -1px; }
ul { margin: 4px 0; padding-left: 20px; } li { overflow-wrap: anywhere; }
@media (max-width: 640px) {
  body { padding: 16px 14px 32px; } h1 { font-size: 20px; }
  .wide { display: none; } .narrow { display: block; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 6px; }
  th, td { padding: 4px 6px; font-size: 13px; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; } h2 { break-after: avoid; } h3 { break-after: avoid; } figure, table { break-inside: avoid; }
  .wide { display: block; } .narrow { display: none; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
