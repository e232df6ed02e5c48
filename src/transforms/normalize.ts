import { z } from 'zod';
import { columnsOption, isText, pick, replacing } from './columns';
import { quoteIdentifier, quoteLiteral } from './quote';
import { defineStep, type CompileInput } from './step';

/** Joiners of emoji and of some scripts are left alone; the others below show nothing and break comparisons. */
const invisible = '[\\x{0}-\\x{8}\\x{b}\\x{c}\\x{e}-\\x{1f}\\x{7f}-\\x{9f}\\x{200b}\\x{2060}\\x{feff}\\x{ad}]';

export const normalize = defineStep({
  name: 'normalize',
  summary: 'Brings text into one Unicode form, takes control characters out, makes white space single spaces',
  example: 'normalize: { columns: [name], form: nfc, whitespace: collapse }',
  optionsSchema: z.strictObject({
    columns: columnsOption,
    form: z.enum(['nfc', 'nfd', 'nfkc', 'nfkd', 'keep']).default('nfc').describe('Unicode form; nfkc also makes ﬁ into fi and full-width into normal letters'),
    control: z.enum(['remove', 'space', 'keep']).default('remove').describe('Control and invisible characters, apart from tabs and line breaks'),
    whitespace: z.enum(['collapse', 'keep']).default('keep').describe('Runs of any white space become one space, none at the ends'),
    accents: z.enum(['keep', 'strip']).default('keep').describe('é becomes e'),
  }),
  keepsRows: ({ form }) => form === 'nfc' || form === 'keep',
  compile(options, input) {
    const texts = pick(options.columns, input, 'normalize').filter(isText);
    if (options.form === 'nfc' || options.form === 'keep') return { kind: 'rows', guards: [], columns: cleaned(input, new Map(texts.map(({ name }) => [name, formed(options.form, quoteIdentifier(name))])), options) };
    const outputs = texts.map(({ name }, index) => ({ name: `_millrace_out_${index}`, type: 'VARCHAR', of: name }));
    return {
      kind: 'rows', guards: [], columns: cleaned(input, new Map(outputs.map(({ name, of }) => [of, quoteIdentifier(name)])), options),
      program: { program: 'normalize', settings: { form: options.form.toUpperCase() }, inputs: outputs.map(({ name, of }) => ({ name, sql: quoteIdentifier(of) })), outputs: outputs.map(({ name, type }) => ({ name, type })) },
    };
  },
});

const formed = (form: string, sql: string): string => (form === 'nfc' ? `nfc_normalize(${sql})` : sql);

interface Cleaning {
  readonly control: 'remove' | 'space' | 'keep';
  readonly whitespace: 'collapse' | 'keep';
  readonly accents: 'keep' | 'strip';
}

function cleaned(input: CompileInput, values: ReadonlyMap<string, string>, { control, whitespace, accents }: Cleaning) {
  const clean = (sql: string): string => {
    const visible = control === 'keep' ? sql : `regexp_replace(${sql}, ${quoteLiteral(invisible)}, '${control === 'space' ? ' ' : ''}', 'g')`;
    const plain = accents === 'strip' ? `strip_accents(${visible})` : visible;
    return whitespace === 'keep' ? plain : `regexp_replace(regexp_replace(${plain}, '[\\s\\p{Z}]+', ' ', 'g'), '^ | $', '', 'g')`;
  };
  return replacing(input, new Map([...values].map(([name, sql]) => [name, clean(sql)])));
}
