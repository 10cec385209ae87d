import { createHash, randomBytes } from 'node:crypto';
import type { FieldList } from '@glassway/h2-core';
import type { FieldSection } from './field-section.ts';

/** RFC 6455 1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A key for the handshake (RFC 6455 4.1) when the client's request has none, as on HTTP/2; empty when it has. */
export function newKey(fields: FieldList): string {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === 'sec-websocket-key') return '';
  return randomBytes(16).toString('base64');
}

/** The proof that a server has read `key`: the value of `sec-websocket-accept` (RFC 6455 4.2.2). */
export function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/**
 * Checks a 101: it must switch to what was asked for and, when the key was ours, prove that it read it. Returns what is
 * wrong, empty when nothing. When the key was the client's, the client checks the proof.
 */
export function acceptsKey(head: FieldSection, protocol: string, key: string): string {
  if (head.upgrade !== protocol.toLowerCase())
    return `switched to "${head.upgrade.slice(0, 40)}" instead of "${protocol}"`;
  if (key === '') return '';
  const expected = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  for (let index = 0; index < head.fields.length; index += 2) {
    if (head.fields[index] === 'sec-websocket-accept')
      return head.fields[index + 1] === expected ? '' : 'sent a wrong sec-websocket-accept';
  }
  return 'sent no sec-websocket-accept';
}
