/** A message within a list of Temporal's Web UI, which shows Markdown: its further lines, a difference each, are a list of their own. */
export const inList = (message: string): string => message.replace(/\n([+~-]) /g, '\n  - \\$1 ');
