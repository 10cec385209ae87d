/** Connections that are held open and do nothing. */

import { connect } from 'node:net';

const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const SETTINGS_ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
const PING = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
const PING_ACK = Buffer.from([0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);

/** A connection whose SETTINGS are exchanged and whose PING was answered. */
function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let seen = Buffer.alloc(0);
    socket.once('error', reject);
    socket.once('connect', () => socket.write(Buffer.concat([PREFACE, SETTINGS_ACK, PING])));
    socket.on('data', chunk => {
      seen = Buffer.concat([seen, chunk]);
      if (seen.includes(PING_ACK)) resolve(socket);
    });
  });
}

/** Opens so many connections, 50 at a time, and answers their sockets. */
export async function hold(port, count) {
  const sockets = [];
  while (sockets.length < count) {
    const batch = Math.min(50, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(port)))));
  }
  return sockets;
}
