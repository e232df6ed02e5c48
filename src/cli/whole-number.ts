import { InvalidArgumentError } from 'commander';

/** An option's value as a count; commander tells where it is none. */
export const wholeNumber = (most: number) => (text: string): number => {
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > most) throw new InvalidArgumentError(`write a whole number from 1 to ${most}.`);
  return Number(text);
};
