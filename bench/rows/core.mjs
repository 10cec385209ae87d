/** P1, P2, P3, P5: the core as a server, against node:http2 and nghttpd. */

import { compare } from '../lib/load.mjs';
import { ratio } from '../lib/report.mjs';
import { startCore, startNghttpd, startNodeHttp2, startSession, uploadFile } from '../lib/servers.mjs';

const TINY = {
  '10x100': { requests: 200_000, clients: 10, streams: 100 },
  '100x10': { requests: 200_000, clients: 100, streams: 10 },
  '100x1': { requests: 60_000, clients: 100, streams: 1 },
};

/** Starts servers, notes those that are not installed, runs `work` with the others and stops them. */
export async function together(starters, work, missing) {
  const servers = [];
  try {
    for (const [name, start] of starters) {
      const server = await start();
      if (server === null) missing.add(name);
      else servers.push(server);
    }
    return await work(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

const PEERS = [
  ['node:http2', startNodeHttp2],
  ['nghttpd (nghttp2-server)', startNghttpd],
];
const CLEARTEXT = [['core', startCore], ...PEERS];

/** Tiny requests in the named shapes; `targets`: how many times ours the peer's cost has to be. */
export async function shapes(row, names, targets, out, starters = CLEARTEXT, { tls = false } = {}) {
  await together(
    starters,
    async servers => {
      for (const name of names) {
        const shape = `tiny requests${tls ? ' over TLS' : ''}, ${name}`;
        const results = await compare(servers, { ...TINY[name], tls });
        const ours = results.get('glassway core');
        for (const [server, result] of results) out.figures.push({ row, shape, name: server, ...result });
        for (const [peer, target] of Object.entries(targets)) {
          const theirs = results.get(peer);
          // CPU per request, not requests per second: where the load generator is the slower side the latter flatters.
          if (theirs) {
            const value = theirs.cpuPerRequest / ours.cpuPerRequest;
            out.results.push(ratio({ row, shape, peer, value, unit: 'CPU per request, theirs/ours', target }));
          }
        }
      }
    },
    out.missing,
  );
}

export async function p1(out) {
  await shapes('P1', ['10x100', '100x10'], { 'node:http2': 8, nghttpd: 1.3 }, out);
}

export async function p2(out) {
  await shapes('P2', ['100x1'], { 'node:http2': 1.6, nghttpd: 0.85 }, out);
}

export async function p3(out) {
  const row = 'P3';
  await together(
    [['core', startCore], ['session', startSession], PEERS[0]],
    async servers => {
      for (const name of ['10x100', '100x10']) {
        const shape = `session API, ${name}`;
        const results = await compare(servers, TINY[name]);
        for (const [server, result] of results) out.figures.push({ row, shape, name: server, ...result });
        const ours = results.get('glassway session').cpuPerRequest;
        for (const [peer, target] of [
          ['node:http2', 5],
          ['glassway core', 0.6],
        ]) {
          const value = results.get(peer).cpuPerRequest / ours;
          out.results.push(ratio({ row, shape, peer, value, unit: 'CPU per request, theirs/ours', target }));
        }
      }
    },
    out.missing,
  );
}

export async function p5(out) {
  const row = 'P5';
  await together(
    [['core', startCore], ...PEERS],
    async servers => {
      const large = { requests: 3000, clients: 4, streams: 4 };
      for (const [shape, load] of [
        ['1 MiB down, 4x4', { ...large, path: '/large' }],
        ['1 MiB up, 4x4', { ...large, upload: await uploadFile() }],
      ]) {
        const results = await compare(servers, load);
        const ours = results.get('glassway core');
        for (const [server, result] of results) out.figures.push({ row, shape, name: server, ...result });
        for (const peer of ['node:http2', 'nghttpd']) {
          const theirs = results.get(peer);
          if (!theirs) continue;
          const value = theirs.cpuPerRequest / ours.cpuPerRequest;
          out.results.push(ratio({ row, shape, peer, value, unit: 'CPU per request, theirs/ours', target: 1 }));
        }
      }
    },
    out.missing,
  );
}
