import { closes, noTotals, type BalanceLine, type Totals } from '../../domain/balance';
import type { CheckPoint } from '../check-series';
import type { QuarantineGroup } from '../../stores/quarantine';
import { grouped, plural, spokenBytes, spokenSeconds, spokenState } from '../words';
import type { ReportFacts, StreamFacts } from './facts';
import { legendOf, type Drawing, type Plots } from './plots';
import { barsOf, flowOf, sharesOf, stages } from './series';
import { style } from './style';

const mostReasons = 12;

/** One page that needs nothing but itself. */
export function pageOf(facts: ReportFacts, plots: Plots): string {
  const { run, receipt } = { ...facts.stored };
  const title = `${run.workflowId}${run.generation > 1 ? `~${run.generation}` : ''}`;
  const state = receipt?.state ?? 'running';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p><span class="state ${state}">${escaped(receipt ? spokenState(state) : 'has no receipt: it goes on, or was ended from outside')}</span></p>
${factList(headFacts(facts))}
</header>
${receipt ? balance('All streams', receipt.totals) : ''}
${facts.streams.map((stream) => streamSection(stream, plots)).join('\n')}
<footer><p class="faint">Written by Millrace from the run's receipt, batches and timings in staging. ${receipt ? `Receipt ${escaped(receipt.hash.slice(0, 16))}…, after ${escaped(receipt.previous ? `${receipt.previous.slice(0, 16)}…` : 'none')}.` : ''}</p></footer>
</body>
</html>
`;
}

function headFacts({ stored: { run, spec, receipt }, timings }: ReportFacts): readonly (readonly [string, string])[] {
  const last = receipt?.finishedAt ?? timings.at(-1)?.finishedAt;
  const retries = timings.reduce((sum, { attempt }) => sum + attempt - 1, 0);
  return [
    ['pipeline', `${spec.pipeline}${spec.description ? `: ${spec.description}` : ''}`],
    ['from, to', `${spec.source} → ${spec.destination}`],
    ['logical date', run.logicalDate],
    ['started', run.startedAt],
    ...(last ? [['ended', `${last}, after ${spokenSeconds((Date.parse(last) - Date.parse(run.startedAt)) / 1000)}`] as const] : []),
    ...(retries > 0 ? [['tried again', plural(retries, 'attempt')] as const] : []),
    ['pipeline text', `sha256 ${spec.hash.slice(0, 16)}…${receipt ? `, Millrace ${receipt.version}` : ''}`],
  ];
}

const factList = (facts: readonly (readonly [string, string])[]): string => `<dl>${facts.map(([word, text]) => `<dt>${escaped(word)}</dt><dd>${escaped(text)}</dd>`).join('')}</dl>`;

function streamSection(facts: StreamFacts, plots: Plots): string {
  const { spec, summary, plan, rejects, timings } = facts;
  const bars = barsOf(timings);
  const flow = flowOf(timings);
  const lines = summary?.lines ?? [];
  const shares = sharesOf(lines);
  return `<section>
<h2>${escaped(spec.stream)} → ${escaped(spec.to)}</h2>
<p><span class="${summary?.state ?? ''}">${escaped(summary ? spokenState(summary.state) : 'no summary')}</span> <span class="faint">${escaped([spec.mode, spec.write, plan ? plural(plan.partitions.length, 'partition') : 'not planned', ...(plan?.window ? [`${plan.window.cursor} in [${plan.window.lower ?? 'the beginning'}, ${plan.window.upper})`] : [])].join(', '))}</span></p>
${list([...(summary?.error ? [summary.error.message] : []), ...(summary?.checks ?? []).filter(({ passed, onFail }) => !passed && onFail !== 'quarantine').map(({ check, at, onFail, message }) => `check ${check}${at ? ` of the ${at}` : ''} (${onFail}): ${message}`), ...(summary?.notes ?? plan?.notes ?? []), ...(summary && summary.deleted > 0 ? [`${plural(summary.deleted, 'earlier row')} replaced`] : [])])}
${summary ? balance('The balance', summary.totals) : ''}
${lines.length > 0 ? stepTable(lines) : ''}
${facts.checks.length > 0 ? checkTable(facts.checks) : ''}
${shares.length > 0 ? figure('Rows through the stages', plots.shares(shares, lines.map(({ step }) => step)), legendOf('terms', new Set(shares.map(({ term }) => term)))) : ''}
${rejects.length > 0 ? figure('Rejected rows by reason', plots.rejects(rejects.slice(0, mostReasons)), []) + rejectNotes(rejects) : ''}
${bars.length > 0 ? figure('Partitions by stage', plots.timeline(bars), legendOf('stages', new Set(bars.map(({ stage }) => stage)))) : ''}
${flow.length > 0 ? figure('Throughput', plots.flow(flow), legendOf('stages', new Set(flow.map(({ stage }) => stage)))) + throughputText(facts) : ''}
</section>`;
}

/** `read 30 + created 0 = loaded 27 + …`, and whether it holds. */
function balance(heading: string, totals: Totals): string {
  const { read, created, loaded, rejected, filtered, deduplicated, aggregated } = { ...noTotals, ...totals };
  const holds = read + created === loaded + rejected + filtered + deduplicated + aggregated;
  const right = ([['loaded', loaded], ['rejected', rejected], ['filtered', filtered], ['deduplicated', deduplicated], ['aggregated', aggregated]] as const).filter(([word, rows]) => word === 'loaded' || rows > 0);
  return `<h3>${escaped(heading)}</h3><p class="equation">${grouped(read)} read${created > 0 ? ` + ${grouped(created)} created` : ''} = ${right.map(([word, rows]) => `${grouped(rows)} ${word}`).join(' + ')} <span class="${holds ? 'succeeded' : 'failed'}">${holds ? '✓ closes' : '✗ does not close'}</span></p>`;
}

function stepTable(lines: readonly BalanceLine[]): string {
  const terms = (['created', 'rejected', 'filtered', 'deduplicated', 'aggregated'] as const).filter((term) => lines.some((line) => line[term] > 0));
  const row = (line: BalanceLine): string => `<tr><td>${escaped(line.step)}</td><td>${grouped(line.in)}</td>${terms.map((term) => `<td>${grouped(line[term])}</td>`).join('')}<td>${grouped(line.out)}</td><td class="${closes(line) ? 'succeeded' : 'failed'}">${closes(line) ? '✓' : '✗'}</td></tr>`;
  return `<div class="scroll"><table><thead><tr><th>step</th><th>in</th>${terms.map((term) => `<th>${term}</th>`).join('')}<th>out</th><th></th></tr></thead><tbody>${lines.map(row).join('')}</tbody></table></div>`;
}

/** Each check with what it said, and what was observed in the runs before. */
function checkTable(checks: StreamFacts['checks']): string {
  const told = ({ observed, failingRows }: CheckPoint): string => observed ?? (failingRows === null ? '' : plural(failingRows, 'row'));
  const row = ([now, ...earlier]: readonly CheckPoint[]): string =>
    `<tr><td>${escaped(`${now!.check}${now!.over === 'destination' ? ' of the destination' : ''}`)} <span class="faint">${escaped([now!.rule, now!.expected].filter((one) => one !== null).join(', '))}</span></td><td class="${now!.verdict === 'holds' ? 'succeeded' : 'failed'}">${escaped(now!.verdict)}</td><td>${now!.failingRows === null ? '' : grouped(now!.failingRows)}</td><td>${escaped(now!.observed ?? '')}</td><td class="faint">${escaped(earlier.map(told).join(', '))}</td></tr>`;
  return `<h3>Checks</h3><div class="scroll"><table><thead><tr><th>check</th><th>verdict</th><th>failing</th><th>observed</th><th>in the runs before, newest first</th></tr></thead><tbody>${checks.map(row).join('')}</tbody></table></div>`;
}

const figure = (heading: string, { wide, narrow }: Drawing, legend: ReturnType<typeof legendOf>): string =>
  `<h3>${escaped(heading)}</h3>${legend.length > 0 ? `<div class="legend">${legend.map(({ name, colour }) => `<span><i style="background:${colour}"></i>${escaped(name)}</span>`).join('')}</div>` : ''}` +
  `<figure class="wide" role="img" aria-label="${escaped(heading)}">${wide}</figure><figure class="narrow" aria-hidden="true">${narrow}</figure>`;

function rejectNotes(groups: readonly QuarantineGroup[]): string {
  return list([...(groups.length > mostReasons ? [`${plural(groups.length - mostReasons, 'further reason')} not drawn`] : []), ...groups.slice(0, mostReasons).map(({ step, column, reason, rows }) => `${plural(rows, 'row')}: ${column ? `${column} ` : ''}${reason} (${step})`)]);
}

function throughputText({ timings, bytes }: StreamFacts): string {
  const busy = (stage: string): number => timings.filter(({ activity }) => stages[activity] === stage).reduce((sum, { startedAt, finishedAt }) => sum + Date.parse(finishedAt) - Date.parse(startedAt), 0) / 1000;
  const parts = (['extract', 'transform', 'load'] as const).filter((stage) => busy(stage) > 0).map((stage) => `${stage} ${spokenSeconds(busy(stage))}`);
  return `<p class="faint">Time at work: ${escaped(parts.join(', '))}. Landed ${spokenBytes(bytes.landed)}, staged ${spokenBytes(bytes.staged)}.</p>`;
}


const list = (lines: readonly string[]): string => (lines.length === 0 ? '' : `<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`);

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
