/** The Priority field and PRIORITY_UPDATE payload: a Structured Fields dictionary. RFC 9218 4, RFC 9651 3.2. */

/** RFC 9218 4.1: the urgency of a request that names none. */
export const DEFAULT_URGENCY = 3;

/** A parsed priority. */
export interface Priority {
  /** 0 (first) to 7 (last). */
  readonly urgency: number;
  /** The client makes use of the response's parts as they come. */
  readonly incremental: boolean;
}

/** What holds when nothing was said, or nothing that can be understood. */
export const DEFAULT_PRIORITY: Priority = { urgency: DEFAULT_URGENCY, incremental: false };

/** Octets of a value that are looked at; the rest says nothing that RFC 9218 defines. */
export const MAX_PRIORITY_VALUE = 256;

/** Values read lately: clients have a few, and send each with every request of a kind. Bounded; a full memo starts anew. */
const READ: Map<string, Priority> = new Map();
const READ_LIMIT = 64;

/** key, then = and a bare item, then parameters, as far as priorities use them; anything else fails the dictionary. */
const MEMBER = /^([a-z*][a-z0-9_.*-]*)(?:=([^;,]*))?((?: *;[^,]*)?)$/;
const ITEM = /^(?:\?[01]|-?\d{1,15}(?:\.\d{1,3})?|"[\x20-\x21\x23-\x5b\x5d-\x7e]*"|[A-Za-z*][\w!#$%&'*+.^`|~:/-]*)$/;

/** Reads a priority; unknown members, values out of range and what is no dictionary leave the defaults (RFC 9218 4). */
export function parsePriority(value: string): Priority {
  const text = value.length > MAX_PRIORITY_VALUE ? value.slice(0, MAX_PRIORITY_VALUE) : value;
  const known = READ.get(text);
  if (known !== undefined) return known;
  const priority = read(text.trim());
  if (READ.size >= READ_LIMIT) READ.clear();
  READ.set(text, priority);
  return priority;
}

function read(text: string): Priority {
  let urgency = DEFAULT_URGENCY;
  let incremental = false;
  if (text === '') return DEFAULT_PRIORITY;
  for (const member of text.split(',')) {
    const match = MEMBER.exec(member.trim());
    if (match === null) return DEFAULT_PRIORITY;
    const [, key, item] = match;
    if (item !== undefined && !ITEM.test(item.trim())) return DEFAULT_PRIORITY;
    if (key === 'u' && item !== undefined && /^[0-7]$/.test(item)) urgency = Number(item);
    else if (key === 'i') incremental = item === undefined || item === '?1';
  }
  return { urgency, incremental };
}
