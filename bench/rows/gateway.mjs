/** P6 and P7: the gateway from HTTP/2 over TLS to HTTP/1.1 and h2c backends, CPU time per request of the proxy process. */

import { compare } from '../lib/load.mjs';
import { ratio } from '../lib/report.mjs';
import {
  startBackend,
  startCaddy,
  startGateway,
  startH2Backend,
  startHaproxy,
  startNghttpx,
  startNginx,
  startNodeProxy,
} from '../lib/servers.mjs';

const TINY = [
  { name: '10x10', requests: 60_000, clients: 10, streams: 10 },
  { name: '50x1', requests: 30_000, clients: 50, streams: 1 },
];

/** Runs the shapes over all proxies; `targets`: what ours may cost at most, as a multiple of the peer's. */
async function proxies({ row, words, backend: startBehind, starters, shapes }, out) {
  const servers = [];
  const backend = await startBehind();
  try {
    for (const [name, start] of starters) {
      const server = await start(backend);
      if (server === null) out.missing.add(name);
      else servers.push(server);
    }
    for (const { name, targets = {}, ...load } of shapes) {
      const shape = `${words}, ${name}`;
      const results = await compare(servers, { ...load, tls: true });
      for (const [server, result] of results) out.figures.push({ row, shape, name: server, ...result });
      const ours = results.get('glassway').cpuPerRequest;
      for (const [peer, { cpuPerRequest }] of results) {
        if (peer === 'glassway') continue;
        const target = targets[peer] ?? null;
        const value = ours / cpuPerRequest;
        out.results.push(
          ratio({ row, shape, peer, value, unit: 'CPU per request, ours/theirs', target, atLeast: false }),
        );
      }
    }
  } finally {
    for (const server of servers) await server.stop();
    await backend.stop();
  }
}

export async function p6(out) {
  const [many, single] = TINY;
  await proxies(
    {
      row: 'P6',
      words: 'h2/TLS to HTTP/1.1',
      backend: startBackend,
      starters: [
        ['glassway', startGateway],
        ['node proxy', startNodeProxy],
        ['nginx (nginx-light)', startNginx],
        ['haproxy', startHaproxy],
        ['nghttpx (nghttp2-proxy)', startNghttpx],
        ['caddy', startCaddy],
      ],
      shapes: [
        { ...many, targets: { nginx: 1.3, 'node proxy': 0.25, caddy: 0.25 } },
        { ...single, targets: { nginx: 2 } },
        { name: '1 MiB, 4x4', requests: 1500, clients: 4, streams: 4, path: '/large' },
      ],
    },
    out,
  );
}

export async function p7(out) {
  const [many, single] = TINY;
  await proxies(
    {
      row: 'P7',
      words: 'h2/TLS to h2c',
      backend: startH2Backend,
      starters: [
        ['glassway', backend => startGateway(backend, { scheme: 'h2c' })],
        ['haproxy', backend => startHaproxy(backend, 'h2')],
        ['nghttpx (nghttp2-proxy)', backend => startNghttpx(backend, 'h2')],
        ['caddy', backend => startCaddy(backend, 'h2c')],
      ],
      shapes: [{ ...many, targets: { nghttpx: 1 } }, single],
    },
    out,
  );
}
