import type { Socket } from 'node:net';
import { type ConnectionFacts, Leg } from '../trace/trace.ts';
import type { TlsFacts } from './dial.ts';
import { addressLabel, type Target } from './target.ts';

/** What the inspector is told about a connection to a backend. */
export function backendFacts(
  target: Target,
  socket: Socket,
  protocol: ConnectionFacts['protocol'],
  tls: TlsFacts | null,
): ConnectionFacts {
  const unix = target.socketPath !== null;
  const cleartext = protocol === 'h2' ? 'prior-knowledge' : 'http/1.1';
  return {
    leg: Leg.BACKEND,
    protocol,
    negotiation: tls === null ? cleartext : 'alpn',
    peer: unix ? target.label : addressLabel(socket.remoteAddress ?? target.host, socket.remotePort ?? target.port),
    local: unix ? target.label : addressLabel(socket.localAddress ?? '', socket.localPort ?? 0),
    tls,
  };
}
