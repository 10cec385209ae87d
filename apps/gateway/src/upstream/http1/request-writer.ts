import type { Socket } from 'node:net';
import type { Http1Leg } from './leg.ts';
import { RequestFraming, requestHead } from './request-head.ts';
import type { Violation } from './violation.ts';
import { newKey } from './websocket-key.ts';

/**
 * Writes what the leg has gathered in this turn as one gathered write: the head unless it is out, body octets, the end.
 * Returns how many body octets went, or why nothing of the request can be written.
 */
export function writeTurn(leg: Http1Leg, socket: Socket): number | Violation {
  let head = '';
  if (!leg.headSent) {
    if (leg.framing === RequestFraming.TUNNEL && leg.upgradeKey === '') leg.upgradeKey = newKey(leg.request.fields);
    const made = requestHead(leg.request, leg.framing, leg.upgradeKey);
    if (typeof made !== 'string') return made;
    head = made;
    leg.headSent = true;
  }
  if (leg.framing !== RequestFraming.NONE) return writeBody(leg, socket, head);
  leg.endSent = true;
  socket.write(head, 'latin1');
  return 0;
}

function writeBody(leg: Http1Leg, socket: Socket, head: string): number {
  // D28: a tunnel carries nothing before the backend has agreed to it.
  const held = leg.framing === RequestFraming.TUNNEL && !leg.tunnelOpen;
  const bytes = held ? 0 : leg.pendingBytes;
  const body = held ? null : leg.takeBody();
  const chunked = leg.framing === RequestFraming.CHUNKED;
  socket.cork();
  let before = head;
  if (body !== null) {
    leg.bodyBegun = true;
    // All octets of a turn make one chunk.
    if (chunked) before += `${bytes.toString(16)}\r\n`;
    if (before !== '') socket.write(before, 'latin1');
    for (const piece of body) socket.write(piece);
    before = chunked ? '\r\n' : '';
  }
  const ends = leg.ended && !held;
  if (ends) {
    leg.endSent = true;
    if (chunked) before += leg.closingChunk();
  }
  if (before !== '') socket.write(before, 'latin1');
  socket.uncork();
  if (ends && leg.framing === RequestFraming.TUNNEL) socket.end();
  return bytes;
}
