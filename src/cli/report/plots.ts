import type { QuarantineGroup } from '../../stores/quarantine';
import { compact } from '../words';
import type { Bar, Flow, Share } from './series';
import { stageNames, terms } from './series';

type PlotModule = typeof import('@observablehq/plot', { with: { 'resolution-mode': 'import' } });

/** Draws SVG text, twice: text that is legible on a desk is not on a phone, and the other way round. */
export interface Plots {
  timeline(bars: readonly Bar[]): Drawing;
  flow(points: readonly Flow[]): Drawing;
  shares(shares: readonly Share[], steps: readonly string[]): Drawing;
  rejects(groups: readonly QuarantineGroup[]): Drawing;
}
export interface Drawing {
  readonly wide: string;
  readonly narrow: string;
}

/** Told apart by people who do not see red and green apart, and in print by their lightness (Okabe and Ito). */
const stageColours = ['#999999', '#0072b2', '#56b4e9', '#009e73', '#e69f00', '#cc79a7'];
const termColours = ['#0072b2', '#d55e00', '#999999', '#e69f00', '#cc79a7'];
const widths = { wide: 760, narrow: 350 } as const;

/** The plotting library is a module of the other kind, and is needed by this command alone. */
export async function openPlots(): Promise<Plots> {
  const Plot = await import('@observablehq/plot');
  const { parseHTML } = await import('linkedom');
  const { document } = parseHTML('<html><body></body></html>');
  const draw = (options: (width: number, narrow: boolean) => Parameters<PlotModule['plot']>[0]): Drawing => {
    const at = (size: keyof typeof widths): string => {
      const drawn = Plot.plot({ ...options(widths[size], size === 'narrow'), document: document as never, width: widths[size], style: { fontSize: '12px', background: 'none' } });
      return drawn.outerHTML;
    };
    return { wide: at('wide'), narrow: at('narrow') };
  };
  const labelMargin = (labels: readonly string[], narrow: boolean): number => Math.min(narrow ? 110 : 260, 16 + 6.6 * Math.max(0, ...labels.map((label) => label.length)));
  const shortened = (narrow: boolean) => (label: string): string => {
    const most = narrow ? 14 : 36;
    return label.length <= most ? label : `${label.slice(0, most - 1)}…`;
  };

  return {
    timeline: (bars) => draw((_width, narrow) => {
      const lanes = [...new Set(bars.map(({ lane }) => lane))];
      return {
        height: 44 + 20 * lanes.length, marginLeft: labelMargin(lanes, narrow), marginBottom: 32,
        x: { type: 'utc', label: null, ticks: narrow ? 3 : 7, grid: true }, y: { domain: lanes, label: null },
        color: { domain: [...stageNames], range: stageColours },
        // A bar of a few milliseconds is still to be seen.
        marks: [Plot.barX(bars, { x1: 'from', x2: (bar: Bar) => new Date(Math.max(bar.to.getTime(), bar.from.getTime() + 1)), y: 'lane', fill: 'stage', stroke: 'stage', strokeWidth: 0.75, insetTop: 2, insetBottom: 2 })],
      };
    }),
    flow: (points) => draw((_width, narrow) => ({
      height: narrow ? 180 : 220, marginLeft: 52, marginBottom: 32,
      x: { type: 'utc', label: null, ticks: narrow ? 3 : 7 }, y: { label: 'rows a second', grid: true, ticks: 4, tickFormat: (rate: number) => compact(rate) },
      color: { domain: [...stageNames], range: stageColours },
      marks: [Plot.areaY(points, { x: 'at', y2: 'rate', y1: 0, z: 'stage', fill: 'stage', fillOpacity: 0.12 }), Plot.lineY(points, { x: 'at', y: 'rate', stroke: 'stage', strokeWidth: 1.75 }), Plot.ruleY([0])],
    })),
    shares: (shares, steps) => draw((_width, narrow) => ({
      height: 44 + 24 * steps.length, marginLeft: labelMargin(steps.map(shortened(narrow)), narrow), marginBottom: 32,
      x: { label: 'rows', grid: true, ticks: narrow ? 3 : 6, tickFormat: (rows: number) => compact(rows) }, y: { domain: [...steps], label: null, tickFormat: shortened(narrow) },
      color: { domain: [...terms], range: termColours },
      marks: [Plot.barX(shares, { x: 'rows', y: 'step', fill: 'term', order: [...terms], insetTop: 3, insetBottom: 3 }), Plot.ruleX([0])],
    })),
    rejects: (groups) => draw((_width, narrow) => {
      const named = groups.map((group) => ({ rows: group.rows, name: `${group.column ? `${group.column} ` : ''}${group.reason}` }));
      const label = shortened(narrow);
      return {
        height: 44 + 24 * named.length, marginLeft: labelMargin(named.map(({ name }) => label(name)), narrow), marginRight: 44, marginBottom: 32,
        x: { label: 'rows', grid: true, ticks: narrow ? 3 : 6, tickFormat: (rows: number) => compact(rows) }, y: { domain: named.map(({ name }) => name), label: null, tickFormat: label },
        marks: [Plot.barX(named, { x: 'rows', y: 'name', fill: '#d55e00', insetTop: 3, insetBottom: 3 }), Plot.text(named, { x: 'rows', y: 'name', text: ({ rows }: { readonly rows: number }) => compact(rows), textAnchor: 'start', dx: 4 }), Plot.ruleX([0])],
      };
    }),
  };
}

/** `■ extract ■ load`, as HTML: in the page's own text it wraps on a phone. */
export function legendOf(kind: 'stages' | 'terms', used: ReadonlySet<string>): readonly { readonly name: string; readonly colour: string }[] {
  const [names, colours] = kind === 'stages' ? [stageNames, stageColours] : [terms, termColours];
  return names.map((name, at) => ({ name, colour: colours[at]! })).filter(({ name }) => used.has(name));
}
