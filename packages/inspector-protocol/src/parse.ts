/** Text messages to and from objects. What a client sends is checked member by member: it is hostile until proven. */

import { type PackedSections, unpackSections } from './fields.ts';
import { MAX_FILTER_LENGTH } from './filter/parse.ts';
import type { ClientMessage, ServerMessage, TextMessage } from './messages.ts';
import { type PackedChanges, packChanges, unpackChanges } from './pack.ts';
import { type FrameSelection, MAX_SELECTION_ENTRIES } from './subscription.ts';

/** A text message of a client is at most this long; longer ones are refused before parsing. */
export const MAX_CLIENT_MESSAGE_BYTES: number = 32 * 1024;

/** A message that does not follow the protocol. `message` says what is wrong with it. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';
}

type MemberName =
  | 'type'
  | 'token'
  | 'id'
  | 'what'
  | 'connection'
  | 'stream'
  | 'frames'
  | 'fields'
  | 'events'
  | 'payloads'
  | 'backlog'
  | 'filter'
  | 'types'
  | 'connections'
  | 'streams'
  | 'direction'
  | 'leg'
  | 'packed'
  | 'rows';
type Bag = { readonly [Name in MemberName]?: unknown };

/** Reads a client's text message. Throws `ProtocolError`; unknown members are ignored. */
export function parseClientMessage(text: string): ClientMessage {
  if (text.length > MAX_CLIENT_MESSAGE_BYTES)
    throw new ProtocolError(`message of ${text.length} characters is too long`);
  const bag = parseObject(text);
  switch (bag.type) {
    case 'auth': {
      const token = bag.token;
      if (typeof token !== 'string') throw new ProtocolError('auth: token must be a string');
      return { type: 'auth', token };
    }
    case 'subscribe':
      return {
        type: 'subscribe',
        id: integer(bag, 'id', 0, 0xffff_ffff),
        frames: selection(bag, 'frames'),
        ...(bag.filter === undefined ? {} : { filter: filterText(bag) }),
        fields: selection(bag, 'fields'),
        events: boolean(bag, 'events'),
        payloads: selection(bag, 'payloads'),
        backlog: integer(bag, 'backlog', 0, 10_000_000),
      };
    case 'ack':
      return {
        type: 'ack',
        ...(bag.frames === undefined ? {} : { frames: integer(bag, 'frames', 0, Number.MAX_SAFE_INTEGER) }),
        ...(bag.fields === undefined ? {} : { fields: integer(bag, 'fields', 0, Number.MAX_SAFE_INTEGER) }),
        ...(bag.events === undefined ? {} : { events: integer(bag, 'events', 0, Number.MAX_SAFE_INTEGER) }),
        ...(bag.payloads === undefined ? {} : { payloads: integer(bag, 'payloads', 0, Number.MAX_SAFE_INTEGER) }),
      };
    case 'get': {
      const id = integer(bag, 'id', 0, 0xffff_ffff);
      if (bag.what === 'verdicts') return { type: 'get', id, what: 'verdicts' };
      const connection = integer(bag, 'connection', 0, 0x3fff_ffff);
      if (bag.what === 'tables') return { type: 'get', id, what: 'tables', connection };
      if (bag.what === 'sections') {
        return { type: 'get', id, what: 'sections', connection, stream: integer(bag, 'stream', 0, 0x7fff_ffff) };
      }
      throw new ProtocolError('get: what must be "sections", "tables" or "verdicts"');
    }
    default:
      throw new ProtocolError('type must be "auth", "subscribe", "ack" or "get"');
  }
}

const SERVER_TYPES: ReadonlySet<unknown> = new Set([
  'hello',
  'snapshot',
  'state',
  'fields',
  'events',
  'dropped',
  'reply',
]);

/**
 * Reads a server's text message. The server is trusted for its shape, so only the type and the lengths of rows are
 * checked: throws `ProtocolError` for text that is no message of this version, `Error` for a row that is none.
 */
export function parseServerMessage(text: string): ServerMessage {
  const bag = parseObject(text);
  if (!SERVER_TYPES.has(bag.type)) throw new ProtocolError('not a server message of this version');
  // As text until version 3, and so in recordings.
  if (bag.type === 'fields' && bag.packed !== undefined) {
    const { from, to, packed } = bag as unknown as { from: number; to: number; packed: PackedSections };
    return { type: 'fields', from, to, sections: unpackSections(packed) };
  }
  const message = bag as unknown as ServerMessage;
  if (message.type !== 'snapshot' && message.type !== 'state') return message;
  const rows = unpackChanges(bag.rows as PackedChanges);
  // Recordings of version 2 know no log of payloads.
  const head = { ...message.head, payloads: message.head.payloads ?? 0 };
  if (message.type === 'state') return { ...message, head, rows };
  return { ...message, from: { ...message.from, payloads: message.from.payloads ?? 0 }, head, rows };
}

/** The text of a message. */
export function encodeMessage(message: ClientMessage | TextMessage): string {
  if (message.type !== 'snapshot' && message.type !== 'state') return JSON.stringify(message);
  return JSON.stringify({ ...message, rows: packChanges(message.rows) });
}

function parseObject(text: string): Bag {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError('message is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProtocolError('message is not an object');
  }
  return value as Bag;
}

function integer(bag: Bag, name: MemberName, low: number, high: number): number {
  const value = bag[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw new ProtocolError(`${name} must be an integer from ${low} to ${high}`);
  }
  return value;
}

/* What it says is for whoever compiles it to judge: that costs nothing before, and has better words. */
function filterText(bag: Bag): string {
  const text = bag.filter;
  if (typeof text !== 'string') throw new ProtocolError('filter must be a string');
  if (text.length > MAX_FILTER_LENGTH) throw new ProtocolError(`filter is longer than ${MAX_FILTER_LENGTH} characters`);
  return text;
}

function boolean(bag: Bag, name: MemberName): boolean {
  const value = bag[name];
  if (typeof value !== 'boolean') throw new ProtocolError(`${name} must be true or false`);
  return value;
}

function integers(bag: Bag, name: MemberName, high: number): readonly number[] | undefined {
  const value = bag[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > MAX_SELECTION_ENTRIES) {
    throw new ProtocolError(`${name} must be a list of at most ${MAX_SELECTION_ENTRIES} integers`);
  }
  for (const entry of value) {
    if (typeof entry !== 'number' || !Number.isInteger(entry) || entry < 0 || entry > high) {
      throw new ProtocolError(`${name} must hold integers from 0 to ${high}`);
    }
  }
  return value as number[];
}

function bit(bag: Bag, name: MemberName): 0 | 1 | undefined {
  const value = bag[name];
  if (value === undefined || value === 0 || value === 1) return value;
  throw new ProtocolError(`${name} must be 0 or 1`);
}

function selection(bag: Bag, name: MemberName): FrameSelection | null {
  const value = bag[name];
  if (value === null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) throw new ProtocolError(`${name} must be an object or null`);
  const inner = value as Bag;
  const types = integers(inner, 'types', 255);
  const connections = integers(inner, 'connections', 0x3fff_ffff);
  const streams = integers(inner, 'streams', 0x7fff_ffff);
  const direction = bit(inner, 'direction');
  const leg = bit(inner, 'leg');
  return {
    ...(types === undefined ? {} : { types }),
    ...(connections === undefined ? {} : { connections }),
    ...(streams === undefined ? {} : { streams }),
    ...(direction === undefined ? {} : { direction }),
    ...(leg === undefined ? {} : { leg }),
  };
}
