/**
 * One cleartext port for everything: the first octets tell HTTP/2 with prior knowledge (RFC 9113 3.3) from HTTP/1.
 */
import type { Socket } from 'node:net';

/** RFC 9113 3.4: what a client that knows HTTP/2 sends first. No HTTP/1 request can begin like this. */
const PREFACE: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Reads until it is certain what the client speaks and gives every octet back to the socket, so that whoever takes it
 * over starts at the first. A socket that stays undecided for `timeoutMs` (0: for ever) is destroyed. `decided` is
 * called at most once, in the turn of the octet that decided.
 */
export function sniff(socket: Socket, timeoutMs: number, decided: (protocol: 'h2' | 'http/1.1') => void): void {
  let seen: Buffer | null = null;
  const timer = timeoutMs > 0 ? setTimeout(() => socket.destroy(), timeoutMs) : undefined;

  const stop = (): void => {
    clearTimeout(timer);
    socket.removeListener('readable', onReadable);
    socket.removeListener('end', onEnd);
    socket.removeListener('close', stop);
  };
  const decide = (protocol: 'h2' | 'http/1.1'): void => {
    stop();
    if (seen !== null) socket.unshift(seen);
    decided(protocol);
  };
  // Octet by octet: 'PRI' alone may still become an HTTP/1 method, and a preface may come in 24 pieces.
  const onReadable = (): void => {
    for (;;) {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      const from: number = seen === null ? 0 : seen.length;
      seen = seen === null ? chunk : Buffer.concat([seen, chunk]);
      const until = Math.min(seen.length, PREFACE.length);
      for (let i = from; i < until; i++) {
        if (seen[i] === PREFACE[i]) continue;
        decide('http/1.1');
        return;
      }
      if (until === PREFACE.length) {
        decide('h2');
        return;
      }
    }
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
  socket.on('close', stop);
}
