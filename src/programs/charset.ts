import { Misfit, SetupError, type ProgramSetup, type RowFunction } from './program';

/** Bytes of another character set into text, or text into them. Bytes come and go as base64. */
export function charset({ settings }: ProgramSetup): RowFunction {
  const name = String(settings['charset']);
  const work = settings['direction'] === 'decode' ? decoder(name) : encoder(name);
  return (values) => Object.fromEntries(Object.entries(values).map(([column, value]) => [column, value === null ? null : work(String(value))]));
}

function decoder(name: string): (base64: string) => string {
  const known = knownDecoder(name).encoding;
  return (base64) => {
    try {
      const strict = new TextDecoder(known, { fatal: true });
      // Node's short way for windows-1252 takes it for latin1; with pieces it goes the right one.
      return strict.decode(Buffer.from(base64, 'base64'), { stream: true }) + strict.decode();
    } catch {
      throw new Misfit(`is not ${name}`);
    }
  };
}

function encoder(name: string): (text: string) => string {
  const { encoding } = knownDecoder(name);
  if (encoding === 'utf-8' || encoding === 'utf-16le') return (text) => Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'utf16le').toString('base64');
  const bytes = singleByteTable(name);
  if (!bytes) throw new SetupError(`"${name}" can be decoded, not encoded; encode knows utf-8, utf-16le and the character sets of one byte per character`);
  return (text) => {
    const written = [...text].map((character) => bytes.get(character));
    if (written.includes(undefined)) throw new Misfit(`has a character that ${name} does not have`);
    return Buffer.from(written as number[]).toString('base64');
  };
}

/** What each byte stands for, turned round; null: a byte alone does not always stand for a character. */
function singleByteTable(name: string): ReadonlyMap<string, number> | null {
  const table = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    const decoder = new TextDecoder(name);
    const character = decoder.decode(Uint8Array.of(byte), { stream: true }) + decoder.decode();
    if ([...character].length !== 1) return null;
    if (character !== '\ufffd') table.set(character, byte);
  }
  return table.size > 128 ? table : null;
}

function knownDecoder(name: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(name, { fatal: true });
  } catch {
    throw new SetupError(`unknown character set "${name}"; write one such as windows-1252, iso-8859-15, shift_jis or utf-16le`);
  }
}
