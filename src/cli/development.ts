/** What the command line needs of `millrace dev`'s environment. STAND-IN until src/dev/environment.ts is there. */
export interface FoundEnvironment {
  readonly address: string;
  readonly namespace: string;
}
export interface StartedEnvironment extends FoundEnvironment {
  stop(): Promise<void>;
}
export const findEnvironment = async (_home: string): Promise<FoundEnvironment | null> => null;
export const startEnvironment = async (_options: { readonly home: string; readonly postgres: boolean; log(line: string): void }): Promise<StartedEnvironment> => {
  throw new Error('not there yet');
};
