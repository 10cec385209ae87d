/** Words for facts that several views show. */
import { type ConnectionFacts, count } from '@glassway/inspector-protocol';
import type { ConnectionRow, Doubt, Health } from '../feed/model.ts';
import type { Tone } from '../ui/badge.tsx';

/** `client → gateway`. */
export function legText(leg: number): string {
  return leg === 0 ? 'client → gateway' : 'gateway → backend';
}

/** `worker 2`; empty in a gateway of one process. */
export function workerText(worker: number): string {
  return worker === 0 ? '' : `worker ${worker}`;
}

/** `ALPN h2`, `h2c Upgrade`, `h2c prior knowledge`, `HTTP/1.1`. */
export function negotiationText(facts: Pick<ConnectionFacts, 'protocol' | 'negotiation' | 'tls'>): string {
  switch (facts.negotiation) {
    case 'alpn':
      return `ALPN ${facts.protocol}`;
    case 'upgrade':
      return 'h2c Upgrade';
    case 'prior-knowledge':
      return facts.tls === null ? 'h2c prior knowledge' : 'h2 prior knowledge';
    default:
      return 'HTTP/1.1';
  }
}

/** `TLS 1.3`, or `cleartext`. */
export function tlsText(tls: ConnectionFacts['tls']): string {
  return tls === null ? 'cleartext' : tls.version.replace(/^TLSv/, 'TLS ');
}

/** `3 streams`, on HTTP/1.1 `1 request`. */
export function streamsText(row: Pick<ConnectionRow, 'protocol' | 'openStreams'>): string {
  const noun = row.protocol === 'http/1.1' ? 'request' : 'stream';
  return `${row.openStreams} ${noun}${row.openStreams === 1 ? '' : 's'}`;
}

/** The colour of a connection's badge. */
export function healthTone(health: Health): Tone {
  switch (health) {
    case 'stalled':
      return 'bad';
    case 'draining':
    case 'idle':
    case 'broken':
      return 'warn';
    case 'healthy':
      return 'good';
    case 'closed':
      return 'quiet';
  }
}

/** What may still be sent; in the past there may be no frame left that tells. */
export function windowText(octets: number, unit: string = ''): string {
  return Number.isNaN(octets) ? 'not kept' : `${count(octets)}${unit}`;
}

/** Why numbers of a moment of the past are not certain, as a sentence. */
export function doubtText(doubt: Doubt): string {
  switch (doubt) {
    case 'counted-back':
      return 'Not all frames that this stream had until this moment are kept: what it had carried is counted back from what it has carried by now.';
    case 'frames-missing':
      return 'Frames of this stream from before and after this moment are missing: it had carried at least so much, and perhaps more.';
    case 'sampled':
      return 'HTTP/1.1 has no frames to count: this is what the gateway had told last before this moment.';
  }
}
