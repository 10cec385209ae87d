/** P6: the gateway from HTTP/2 over TLS to an HTTP/1.1 backend, CPU time per request of the proxy process. */

import { compare } from '../lib/load.mjs';
import { ratio } from '../lib/report.mjs';
import { startBackend, startGateway, startHaproxy, startNghttpx, startNginx, startNodeProxy } from '../lib/servers.mjs';

const SHAPES = [
  {
    shape: 'h2/TLS to HTTP/1.1, 10x10',
    requests: 60_000,
    clients: 10,
    streams: 10,
    targets: { nginx: 1.3, 'node proxy': 0.25 },
  },
  { shape: 'h2/TLS to HTTP/1.1, 50x1', requests: 30_000, clients: 50, streams: 1, targets: { nginx: 2 } },
];

export async function p6(out) {
  const row = 'P6';
  const servers = [];
  const backend = await startBackend();
  try {
    servers.push(await startGateway(backend), await startNodeProxy(backend));
    for (const [name, start] of [
      ['nginx (nginx-light)', startNginx],
      ['haproxy', startHaproxy],
      ['nghttpx (nghttp2-proxy)', startNghttpx],
    ]) {
      const server = await start(backend);
      if (server === null) out.missing.add(name);
      else servers.push(server);
    }
    for (const { shape, targets, ...load } of SHAPES) {
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
