/** P8: what an idle connection costs, in octets of resident memory. */

import { hold } from '../lib/idle.mjs';
import { residentBytes } from '../lib/process.mjs';
import { ratio } from '../lib/report.mjs';
import { startCore, startNghttpd, startNodeHttp2, startSession } from '../lib/servers.mjs';
import { together } from './core.mjs';

const CONNECTIONS = 2000;
/** Opened before the first look, so that heaps and pools have their size. */
const WARM_UP = 500;

const settle = () => new Promise(resolve => setTimeout(resolve, 1500));

async function cost(server) {
  const sockets = await hold(server.port, WARM_UP);
  try {
    await settle();
    const before = residentBytes(server.pid);
    sockets.push(...(await hold(server.port, CONNECTIONS)));
    await settle();
    return (residentBytes(server.pid) - before) / CONNECTIONS / 1024;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

export async function p8(out) {
  const row = 'P8';
  const shape = 'idle connection, KiB';
  await together(
    [
      ['core', startCore],
      ['session', startSession],
      ['node:http2', startNodeHttp2],
      ['nghttpd (nghttp2-server)', startNghttpd],
    ],
    async servers => {
      for (const server of servers) {
        const value = await cost(server);
        const target = server.name.startsWith('glassway') ? 10 : null;
        out.results.push(ratio({ row, shape, peer: server.name, value, unit: 'KiB', target, atLeast: false }));
      }
    },
    out.missing,
  );
}
