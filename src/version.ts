/** Version of the package, for receipts and `--version`. */
 
export const packageVersion = (): string => (require('../package.json') as { version: string }).version;
