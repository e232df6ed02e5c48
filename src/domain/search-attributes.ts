/** What runs and streams can be found by in Temporal's Web UI; registered by `millrace dev`, else by the client where it may. */
export const searchAttributeTypes = {
  MillracePipeline: 'KEYWORD',
  MillraceStream: 'KEYWORD',
  MillraceState: 'KEYWORD',
  MillraceLogicalDate: 'DATETIME',
  MillraceRows: 'INT',
  MillraceRejects: 'INT',
} as const;
export type SearchAttributeName = keyof typeof searchAttributeTypes;
