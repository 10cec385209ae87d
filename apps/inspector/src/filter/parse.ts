/**
 * The filter bar's language: tokens separated by spaces, all of which must hold. `type=DATA,HEADERS` is either of the
 * two, `!=` is none of them, and numbers also compare with `<`, `<=`, `>`, `>=`.
 */
import { ERROR_NAMES, FLAGS, FRAME_NAMES } from '@glassway/inspector-protocol';

/** What a token may ask about. */
export type FilterField = 'type' | 'dir' | 'leg' | 'conn' | 'stream' | 'flag' | 'len' | 'err';
/** How it asks. */
export type FilterOp = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** One understood token. */
export interface FilterTerm {
  readonly field: FilterField;
  readonly op: FilterOp;
  /** Numbers: frame types, 0 in / 1 out, 0 client / 1 backend, ids, indexes into `FLAGS`, octets, error codes. */
  readonly values: readonly number[];
  /** As typed. */
  readonly text: string;
  /** In words: `on stream 5 or 7`. */
  readonly meaning: string;
}

/** One token that was not understood and therefore has no effect. */
export interface FilterProblem {
  readonly text: string;
  readonly message: string;
}

/** A parsed filter. */
export interface Filter {
  readonly terms: readonly FilterTerm[];
  readonly problems: readonly FilterProblem[];
}

/** Longest filter text that is looked at, in characters. */
export const MAX_FILTER_LENGTH = 1024;

interface Field {
  readonly hint: string;
  readonly numeric: boolean;
  parse(value: string): number | null;
  say(op: FilterOp, names: string): string;
  name(value: number): string;
}

const lookup =
  (names: readonly string[]) =>
  (value: string): number | null => {
    const at = names.indexOf(value.toUpperCase());
    return at < 0 ? null : at;
  };
const word =
  (pairs: Readonly<Record<string, number>>) =>
  (value: string): number | null =>
    Object.hasOwn(pairs, value.toLowerCase()) ? (pairs[value.toLowerCase()] ?? null) : null;
const whole = (value: string): number | null => (/^\d{1,10}$/.test(value) ? Number(value) : null);
const not = (op: FilterOp): string => (op === '!=' ? 'not ' : '');
const compared = (op: FilterOp): string => (op === '=' || op === '!=' ? '' : `${op} `);

const TYPE_NUMBERS = new Map(Object.entries(FRAME_NAMES).map(([type, name]) => [name, Number(type)]));

const FIELDS: Readonly<Record<FilterField, Field>> = {
  type: {
    hint: 'a frame type such as DATA or WINDOW_UPDATE',
    numeric: false,
    parse: value => TYPE_NUMBERS.get(value.toUpperCase()) ?? hexByte(value),
    say: (op, names) => `${not(op)}${names} frames`,
    name: value => FRAME_NAMES[value] ?? `0x${value.toString(16).padStart(2, '0')}`,
  },
  dir: {
    hint: 'in (received by the gateway) or out (sent by it)',
    numeric: false,
    parse: word({ in: 0, out: 1 }),
    say: (op, names) => `${not(op)}${names}`,
    name: value => (value === 0 ? 'received by the gateway' : 'sent by the gateway'),
  },
  leg: {
    hint: 'client or backend',
    numeric: false,
    parse: word({ client: 0, down: 0, backend: 1, up: 1 }),
    say: (op, names) => `${not(op)}on the ${names} leg`,
    name: value => (value === 0 ? 'client' : 'backend'),
  },
  conn: {
    hint: 'a connection number',
    numeric: true,
    parse: whole,
    say: (op, names) => `${not(op)}on connection ${compared(op)}${names}`,
    name: String,
  },
  stream: {
    hint: 'a stream identifier, 0 for the connection itself',
    numeric: true,
    parse: whole,
    say: (op, names) => `${not(op)}on stream ${compared(op)}${names}`,
    name: String,
  },
  flag: {
    hint: FLAGS.map(flag => flag.name).join(', '),
    numeric: false,
    parse: lookup(FLAGS.map(flag => flag.name)),
    say: (op, names) => `${op === '!=' ? 'without' : 'with'} ${names}`,
    name: value => FLAGS[value]?.name ?? '',
  },
  len: {
    hint: 'a payload length in octets',
    numeric: true,
    parse: whole,
    say: (op, names) => `${not(op)}${compared(op)}${names} octets long`,
    name: String,
  },
  err: {
    hint: 'an error code such as CANCEL',
    numeric: false,
    parse: value => lookup(ERROR_NAMES)(value) ?? hexByte(value),
    say: (op, names) => `${op === '!=' ? 'without' : 'with'} error ${names}`,
    name: value => ERROR_NAMES[value] ?? `0x${value.toString(16)}`,
  },
};

/** The names a token can begin with, in the order they are explained. */
export const FILTER_FIELDS: readonly FilterField[] = ['type', 'dir', 'leg', 'conn', 'stream', 'flag', 'len', 'err'];

/** What may stand behind the operator of this field. */
export function fieldHint(field: FilterField): string {
  return FIELDS[field].hint;
}

/** Understands a filter. Never throws: what it does not understand is in `problems` and filters nothing. */
export function parseFilter(text: string): Filter {
  const terms: FilterTerm[] = [];
  const problems: FilterProblem[] = [];
  for (const token of text.slice(0, MAX_FILTER_LENGTH).split(/\s+/)) {
    if (token === '') continue;
    const parsed = parseToken(token);
    if ('message' in parsed) problems.push(parsed);
    else terms.push(parsed);
  }
  return { terms, problems };
}

function parseToken(token: string): FilterTerm | FilterProblem {
  const match = /^([^=!<>]*)(!=|<=|>=|=|<|>)(.*)$/s.exec(token);
  if (match === null) {
    return { text: token, message: `A filter is name=value. Names are ${FILTER_FIELDS.join(', ')}.` };
  }
  const name = (match[1] ?? '').toLowerCase();
  const op = match[2] as FilterOp;
  const value = match[3] ?? '';
  if (!isField(name)) {
    return { text: token, message: `“${match[1]}” is not a filter name. Names are ${FILTER_FIELDS.join(', ')}.` };
  }
  const field = FIELDS[name];
  if (op !== '=' && op !== '!=' && !field.numeric) {
    return { text: token, message: `${name} compares with = or != only.` };
  }
  const words = value.split(',').filter(part => part !== '');
  if (words.length === 0) return { text: token, message: `${name}${op} needs ${field.hint}.` };
  if (op !== '=' && op !== '!=' && words.length > 1) {
    return { text: token, message: `${op} compares with one number, not with a list.` };
  }
  const values: number[] = [];
  for (const part of words) {
    const number = field.parse(part);
    if (number === null) return { text: token, message: `“${part}” is not ${field.hint}.` };
    if (!values.includes(number)) values.push(number);
  }
  const joint = op === '!=' ? ' nor ' : ' or ';
  const meaning = field.say(op, values.map(number => field.name(number)).join(joint));
  return { field: name, op, values, text: token, meaning };
}

/** The filter in words, or an empty string when it lets everything through. */
export function explainFilter(filter: Filter): string {
  return filter.terms.map(term => term.meaning).join(', ');
}

/** Whether `field=value` is in force as one of the alternatives of an `=` token. */
export function hasValue(filter: Filter, field: FilterField, value: number): boolean {
  return filter.terms.some(term => term.field === field && term.op === '=' && term.values.includes(value));
}

/** The text with `field=value` added as an alternative, or taken out when it was there: what a chip does. */
export function toggleValue(text: string, field: FilterField, value: number): string {
  const filter = parseFilter(text);
  const name = FIELDS[field].name(value);
  const word = field === 'dir' ? (value === 0 ? 'in' : 'out') : name;
  const term = filter.terms.find(candidate => candidate.field === field && candidate.op === '=');
  if (term === undefined) return `${text.trim()} ${field}=${word}`.trim();
  const values = term.values.includes(value) ? term.values.filter(v => v !== value) : [...term.values, value];
  const spelled = values.map(v => (field === 'dir' ? (v === 0 ? 'in' : 'out') : FIELDS[field].name(v)));
  const token = values.length === 0 ? '' : `${field}=${spelled.join(',')}`;
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

function replaceToken(text: string, token: string, by: string): string {
  return text
    .split(/\s+/)
    .map(part => (part === token ? by : part))
    .filter(part => part !== '')
    .join(' ');
}

function isField(name: string): name is FilterField {
  return Object.hasOwn(FIELDS, name);
}

function hexByte(value: string): number | null {
  return /^0x[0-9a-f]{1,2}$/i.test(value) ? Number.parseInt(value.slice(2), 16) : null;
}
