/**
 * The language of filters, in the page, the command line and recordings alike. Tokens stand side by side and all must hold;
 * `or( )` wants one of those inside, `not( )` not all of them, `and( )` groups them. `type=DATA,HEADERS` is either of the two.
 *
 *     type=DATA dir=out win<=0
 *     or( status>=400 err=CANCEL ) not( path^=/health )
 *     header[user-agent]*="Mozilla/5.0 (X11"
 */
import { FIELDS, FILTER_FIELDS, type FilterField, type FilterOp, isField } from './fields.ts';

/** One understood token. */
export interface FilterTerm {
  readonly field: FilterField;
  readonly op: FilterOp;
  /** Name of the header, lower case; empty for other fields. */
  readonly header: string;
  /** Alternatives: numbers (frame types, 0 in / 1 out, 0 client / 1 backend, indexes into `FLAGS`, microseconds ...) ... */
  readonly values: readonly number[];
  /** ... or texts, lower case. */
  readonly texts: readonly string[];
  /** As typed. */
  readonly text: string;
  /** In words: `on stream 5 or 7`. */
  readonly meaning: string;
}

/** What a filter is made of. */
export type FilterNode =
  | { readonly kind: 'term'; readonly term: FilterTerm }
  /** One of them must hold. */
  | { readonly kind: 'or'; readonly nodes: readonly FilterNode[] }
  /** All of them must hold; of use within `or`. */
  | { readonly kind: 'and'; readonly nodes: readonly FilterNode[] }
  /** They must not all hold. */
  | { readonly kind: 'not'; readonly nodes: readonly FilterNode[] };

/** Something that was not understood and therefore has no effect. */
export interface FilterProblem {
  readonly text: string;
  readonly message: string;
}

/** A parsed filter: all of `nodes` must hold. */
export interface Filter {
  readonly nodes: readonly FilterNode[];
  /** Those of `nodes` that are plain tokens. */
  readonly terms: readonly FilterTerm[];
  readonly problems: readonly FilterProblem[];
}

/** Longest filter text that is looked at, in characters. */
export const MAX_FILTER_LENGTH = 1024;
const MAX_DEPTH = 16;
const GROUP = /(or|not|and)\(/iy;
const NAMES = FILTER_FIELDS.join(', ');

/** Understands a filter. Never throws: what it does not understand is in `problems` and filters nothing. */
export function parseFilter(text: string): Filter {
  const parser = new Parser(text.slice(0, MAX_FILTER_LENGTH));
  const nodes = parser.list(0);
  const terms = nodes.flatMap(node => (node.kind === 'term' ? [node.term] : []));
  return { nodes, terms, problems: parser.problems };
}

class Parser {
  readonly problems: FilterProblem[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Tokens and groups up to the end, or within a group to its `)`. */
  list(depth: number): FilterNode[] {
    const nodes: FilterNode[] = [];
    for (;;) {
      while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
      if (this.#at >= this.#text.length) return nodes;
      if (depth > 0 && this.#text[this.#at] === ')') return nodes;
      GROUP.lastIndex = this.#at;
      const group = GROUP.exec(this.#text);
      if (group === null) {
        const term = parseToken(this.#token(depth));
        if ('message' in term) this.problems.push(term);
        else nodes.push({ kind: 'term', term });
      } else nodes.push(...this.#group(group[0], depth));
    }
  }

  #group(opening: string, depth: number): FilterNode[] {
    this.#at += opening.length;
    const word = opening.slice(0, -1).toLowerCase();
    if (depth >= MAX_DEPTH) {
      this.problems.push({ text: opening, message: `Groups may be nested ${MAX_DEPTH} deep.` });
      return [];
    }
    const before = this.problems.length;
    const nodes = this.list(depth + 1);
    if (this.#text[this.#at] === ')') this.#at++;
    else this.problems.push({ text: opening, message: `${opening} is not closed: ) is missing.` });
    if (nodes.length === 0) {
      if (this.problems.length === before)
        this.problems.push({ text: `${opening})`, message: `${opening} ) needs a token inside.` });
      return [];
    }
    return [{ kind: word as 'or' | 'not' | 'and', nodes }];
  }

  /** Up to a space; within a group also to its `)`. Quotes hold both. */
  #token(depth: number): string {
    const start = this.#at;
    let quoted = false;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]!;
      if (character === '"') quoted = !quoted;
      else if (!quoted && (/\s/.test(character) || (character === ')' && depth > 0))) break;
    }
    return this.#text.slice(start, this.#at);
  }
}

function parseToken(token: string): FilterTerm | FilterProblem {
  // `stalled:conn` reads better than `stalled=conn`, and is the same.
  const match = /^([^=!<>^$*:[]*)(?:\[([^\]]*)\])?(!=|<=|>=|\^=|\$=|\*=|=|<|>|:)(.*)$/s.exec(token);
  if (match === null) return { text: token, message: `A filter is name=value. Names are ${NAMES}.` };
  const name = (match[1] ?? '').toLowerCase();
  const op = (match[3] === ':' ? '=' : match[3]) as FilterOp;
  if (!isField(name)) {
    return { text: token, message: `“${match[1]}” is not a filter name. Names are ${NAMES}.` };
  }
  const spec = FIELDS[name];
  const header = (match[2] ?? '').toLowerCase();
  if ((name === 'header') !== (match[2] !== undefined) || (name === 'header' && header === '')) {
    const message = name === 'header' ? 'A header is asked for as header[name]=value.' : `${name} takes no [ ].`;
    return { text: token, message };
  }
  const allowed = { word: '= or !=', number: '=, !=, <, <=, > or >=', text: '=, !=, ^=, $= or *=' }[spec.kind];
  if (!allowed.split(/, | or /).includes(op)) return { text: token, message: `${name} compares with ${allowed} only.` };
  const words = splitValues(match[4] ?? '');
  if (words.length === 0) return { text: token, message: `${name}${op} needs ${spec.hint}.` };
  if (['<', '<=', '>', '>='].includes(op) && words.length > 1) {
    return { text: token, message: `${op} compares with one number, not with a list.` };
  }
  const joint = op === '!=' ? ' nor ' : ' or ';
  const named = header === '' ? '' : ` ${header}`;
  if (spec.kind === 'text') {
    const said = words.map(each => `“${each}”`).join(joint);
    const meaning = header === '' ? spec.say(op, said) : spec.say(op, said).replace('header', `header${named}`);
    return { field: name, op, header, values: [], texts: words.map(each => each.toLowerCase()), text: token, meaning };
  }
  const values: number[] = [];
  for (const part of words) {
    const number = spec.parse(part);
    if (number === null) return { text: token, message: `“${part}” is not ${spec.hint}.` };
    if (!values.includes(number)) values.push(number);
  }
  const meaning = spec.say(op, values.map(number => spec.name(number)).join(joint));
  return { field: name, op, header: '', values, texts: [], text: token, meaning };
}

/** `a,b` or `"a, b",c`; empty parts are left out. */
function splitValues(text: string): string[] {
  const parts: string[] = [];
  for (const [, quoted, plain] of text.matchAll(/"([^"]*)"?|([^,"]+)/g)) {
    const part = quoted ?? plain ?? '';
    if (part !== '') parts.push(part);
  }
  return parts;
}

/** The filter in words, or an empty string when it lets everything through. */
export function explainFilter(filter: Pick<Filter, 'nodes'>): string {
  return filter.nodes.map(explainNode).join(', ');
}

function explainNode(node: FilterNode): string {
  if (node.kind === 'term') return node.term.meaning;
  const inner = node.nodes.map(explainNode);
  if (node.kind === 'and') return `(${inner.join(' and ')})`;
  return node.kind === 'or' ? `either ${inner.join(' or ')}` : `not (${inner.join(' and ')})`;
}

/** Whether the same record may pass at one time and not at another. */
export function isVolatile(filter: Pick<Filter, 'nodes'>): boolean {
  return filter.nodes.some(node => (node.kind === 'term' ? FIELDS[node.term.field].volatile : isVolatile(node)));
}
