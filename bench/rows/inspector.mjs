/** P10: what being watched costs the gateway: its own process with all its threads, per request. */

import { compare } from '../lib/load.mjs';
import { ratio } from '../lib/report.mjs';
import { startBackend, startGateway, startInspected, startViewer } from '../lib/servers.mjs';

const SHAPE = { requests: 40_000, clients: 10, streams: 10, tls: true };
/** More rounds than other rows have: the goals are narrow. */
const ROUNDS = 5;

export async function p10(out) {
  const row = 'P10';
  const shape = 'h2/TLS to HTTP/1.1, 10x10';
  const started = [];
  const backend = await startBackend();
  try {
    const off = await startGateway(backend, { name: 'inspector off' });
    started.push(off);
    const ring = await startInspected(backend, 'ring on');
    started.push(ring.server);
    const viewer = await startInspected(backend, 'one viewer');
    started.push(viewer.server, await startViewer(viewer.url));
    const stuck = await startInspected(backend, 'one stuck viewer');
    started.push(stuck.server, await startViewer(stuck.url, { stuck: true }));
    const servers = [off, ring.server, viewer.server, stuck.server];
    const results = await compare(servers, SHAPE, ROUNDS);
    for (const [server, result] of results) out.figures.push({ row, shape, name: server, ...result });
    const cost = name => results.get(name).cpuPerRequest;
    for (const [name, peer, target] of [
      ['ring on', 'inspector off', 1.05],
      ['one viewer', 'inspector off', 1.15],
      ['one stuck viewer', 'one viewer', 1],
    ]) {
      const value = cost(name) / cost(peer);
      out.results.push(ratio({ row, shape: name, peer, value, unit: 'CPU per request', target, atLeast: false }));
    }
  } finally {
    for (const each of started.reverse()) await each.stop();
    await backend.stop();
  }
}
