import { z } from 'zod';
import type { Continues } from './lines-of';

const ways = ['none', 'java', 'indented', 'dated'] as const;

export const multilineOption = z.enum(ways).default('none').describe('How lines make an event. none: each is one; java: stack traces go with the line before; indented: so do lines that start with a space; dated: so do lines that do not start with a date or time');

/** Simple on purpose: nothing here can take long on any line. */
const java = /^(\s|Caused by: |Suppressed: |\.\.\. \d+ |[A-Za-z_$][\w$]*(\.[\w$]+)+(Exception|Error|Throwable)\b|Exception in thread )/;
const dated = /^\W{0,2}(\d{4}[-/]\d\d[-/]\d\d|\d\d[-/.]\d\d[-/.]\d{2,4}|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d |(Mon|Tue|Wed|Thu|Fri|Sat|Sun) |\d\d:\d\d:\d\d)/;
const looked = 512;

export function continuationOf(way: Exclude<(typeof ways)[number], 'none'>): Continues {
  switch (way) {
    case 'java': return (line) => java.test(line.slice(0, looked));
    case 'indented': return (line) => /^[ \t]/.test(line);
    case 'dated': return (line) => !dated.test(line.slice(0, looked));
  }
}
