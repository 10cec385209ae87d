/** Changes to a filter's text as chips and menus make them. */
import { FIELDS, type FilterField } from './fields.ts';
import { type Filter, parseFilter } from './parse.ts';

/** Whether `field=value` is in force as one of the alternatives of an `=` token. */
export function hasValue(filter: Filter, field: FilterField, value: number): boolean {
  return filter.terms.some(term => term.field === field && term.op === '=' && term.values.includes(value));
}

/** The text with `field=value` added as an alternative, or taken out when it was there: what a chip does. */
export function toggleValue(text: string, field: FilterField, value: number): string {
  const term = parseFilter(text).terms.find(candidate => candidate.field === field && candidate.op === '=');
  if (term === undefined) return `${text.trim()} ${field}=${spell(field, value)}`.trim();
  const values = term.values.includes(value) ? term.values.filter(v => v !== value) : [...term.values, value];
  const token = values.length === 0 ? '' : `${field}=${values.map(each => spell(field, each)).join(',')}`;
  return replaceToken(text, term.text, token);
}

/** The text without any `=` token of this field, and with `field=value` at its end when a value is given. */
export function setValue(text: string, field: FilterField, value: number | null): string {
  let result = text;
  for (const term of parseFilter(text).terms) {
    if (term.field === field && term.op === '=') result = replaceToken(result, term.text, '');
  }
  return value === null ? result : toggleValue(result, field, value);
}

function spell(field: FilterField, value: number): string {
  return field === 'dir' ? (value === 0 ? 'in' : 'out') : FIELDS[field].name(value);
}

/** Replaces the first token that reads so, and the space around what is gone. */
function replaceToken(text: string, token: string, by: string): string {
  const at = ` ${text} `.search(new RegExp(`\\s${token.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?=\\s)`));
  if (at < 0) return text;
  return `${text.slice(0, at)}${by}${text.slice(at + token.length)}`.replace(/\s+/g, ' ').trim();
}
