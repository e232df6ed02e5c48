import { Misfit } from './program';

/** A string as it is, or a number: what can stand between the signs of JSON. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Up to here every number is read to the last digit. */
const safe = 15;

/** JSON whose long numbers stay text, digit for digit. */
export function exactJson(text: string): unknown {
  try {
    const plain: unknown = JSON.parse(text);
    return /\d[\d.]{14,}/.test(text) ? JSON.parse(text.replace(tokens, (token) => (token.startsWith('"') || token.length <= safe ? token : `"${token}"`))) : plain;
  } catch {
    throw new Misfit('is not JSON');
  }
}
