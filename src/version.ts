/** Version of the package, for receipts and `--version`. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- package.json lies outside the source root
export const packageVersion = (): string => (require('../package.json') as { version: string }).version;
