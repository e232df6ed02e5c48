import { ConfigurationError } from '../domain/errors';
import { quoteLiteral } from './quote';
import { countries, type Country } from './tables/countries';

/** Text as countries are looked up by: without case, accents, dots and "the". */
export const countryFrom = (text: string): string =>
  `regexp_replace(regexp_replace(strip_accents(lower(trim(${text}))), '[.,''’()-]', ' ', 'g'), '^the +| +', '', 'g')`;

/** What may be written → what is meant, as a table. A name that two countries have is none. */
export function countryTable(to: 'alpha2' | 'alpha3' | 'numeric' | 'name', languages: readonly string[]): string {
  const written = (country: Country): string => (to === 'name' ? country.names[0]! : country[to]);
  const named = languages.map((language) => ({ language, names: namesIn(language) }));
  const rows = countries.flatMap((country) => {
    const words = [country.alpha2, country.alpha3, country.numeric, ...country.names, ...named.map(({ names }) => names.of(country.alpha2) ?? country.alpha2)];
    return [...new Set(words)].map((word) => `(${quoteLiteral(word)}, ${quoteLiteral(written(country))})`);
  });
  return `(SELECT ${countryFrom('word')} AS _millrace_from, min(meant) AS _millrace_to FROM (VALUES ${rows.join(', ')}) v(word, meant) GROUP BY 1 HAVING count(DISTINCT meant) = 1)`;
}

/** Names in a language, from the tables of Unicode in Node. */
function namesIn(language: string): Intl.DisplayNames {
  try {
    return new Intl.DisplayNames([language], { type: 'region' });
  } catch {
    throw new ConfigurationError(`compiling step "standardize": unknown language "${language}"; write one such as en, de or fr`);
  }
}
