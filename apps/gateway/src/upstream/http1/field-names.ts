import { TOKEN_LOWER } from './octets.ts';

/** What the parser must do about a field besides keeping it. */
export const FieldKind = {
  /** Passed on. */
  PLAIN: 0,
  /** RFC 9110 7.6.1: dropped, with every field it names. */
  CONNECTION: 1,
  /** Dropped; its `timeout` bounds how long we may reuse the connection. */
  KEEP_ALIVE: 2,
  /** About this hop only: dropped. */
  HOP: 3,
  /** Dropped; looked at on 101. */
  UPGRADE: 4,
  TRANSFER_ENCODING: 5,
  CONTENT_LENGTH: 6,
  /** RFC 9110 6.5.1: means something in a head, dropped from trailers. */
  HEAD_ONLY: 7,
} as const;
/** One of `FieldKind`. */
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/** A field name, lower case, and what it means to the parser. One object per name: compare by identity. */
export interface FieldName {
  readonly text: string;
  readonly kind: FieldKind;
}

const KINDS = new Map<string, FieldKind>([
  ['connection', FieldKind.CONNECTION],
  ['keep-alive', FieldKind.KEEP_ALIVE],
  ['upgrade', FieldKind.UPGRADE],
  ['transfer-encoding', FieldKind.TRANSFER_ENCODING],
  ['content-length', FieldKind.CONTENT_LENGTH],
]);
for (const hop of ['proxy-connection', 'te', 'http2-settings']) KINDS.set(hop, FieldKind.HOP);
// RFC 9110 6.5.1: routing, request modifiers, authentication, response control and content processing.
const HEAD_ONLY =
  'host trailer authorization proxy-authorization www-authenticate proxy-authenticate set-cookie cookie cache-control age ' +
  'expires date location retry-after vary warning max-forwards expect range if-match if-none-match if-modified-since ' +
  'if-unmodified-since if-range content-encoding content-type content-range';
for (const name of HEAD_ONLY.split(' ')) KINDS.set(name, FieldKind.HEAD_ONLY);

/** What a field with this (lower case) name means to the parser. */
export function fieldKind(name: string): FieldKind {
  return KINDS.get(name) ?? FieldKind.PLAIN;
}

const SLOTS = 1024;
/** Longer names are rare and not worth a slot. */
const MAX_CACHED_LENGTH = 64;

/**
 * Gives the same `FieldName` object for the same octets without making a string. Direct-mapped: a new name takes over its
 * slot, so the memory is bounded whatever backends send.
 */
export class FieldNameCache {
  readonly #slots: (FieldName | undefined)[] = new Array<FieldName | undefined>(SLOTS).fill(undefined);

  /** `hash` is `hash * 31 + lower case octet` over the name, wrapped to 32 bits. All octets must be token characters. */
  lookup(octets: Buffer, start: number, end: number, hash: number): FieldName {
    const slot = (hash ^ (hash >>> 10)) & (SLOTS - 1);
    const cached = this.#slots[slot];
    if (cached !== undefined && matches(cached.text, octets, start, end)) return cached;
    const text = octets.toString('latin1', start, end).toLowerCase();
    const made: FieldName = { text, kind: fieldKind(text) };
    if (end - start <= MAX_CACHED_LENGTH) this.#slots[slot] = made;
    return made;
  }
}

function matches(text: string, octets: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) !== TOKEN_LOWER[octets[start + index]!]) return false;
  }
  return true;
}
