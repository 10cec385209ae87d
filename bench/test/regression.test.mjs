/**
 * Guard against slowing down by a multiple. What is compared is CPU time per request against node:http2 in the same run,
 * taking turns, best of two; the limits are half of what is reached at the worst, so that no noise of a busy machine
 * crosses them, and a comparison is made three times before it fails. Exact figures are the business of `npm run bench`.
 */
import { expect, it } from 'vitest';
import { load } from '../lib/load.mjs';
import { which } from '../lib/process.mjs';
import {
  startBackend,
  startCore,
  startGateway,
  startNodeHttp2,
  startNodeProxy,
  startSession,
} from '../lib/servers.mjs';

const ROUNDS = 2;
const ATTEMPTS = 3;
const TINY = { clients: 10, streams: 100 };
const PROXIED = { clients: 10, streams: 10, tls: true };
const canMeasure = which('h2load') !== null && which('taskset') !== null;
if (!canMeasure && process.env.CI === 'true') throw new Error('h2load (nghttp2-client) or taskset is not installed');

/** How many times the CPU time per request of `ours` the peer's is: best of both sides. */
async function timesOurs({ ours, peer, shape, requests, peerRequests }) {
  const best = { ours: Number.POSITIVE_INFINITY, peer: Number.POSITIVE_INFINITY };
  const run = async (side, server, count) => {
    const { cpuPerRequest } = await load({ server, ...shape, requests: count });
    best[side] = Math.min(best[side], cpuPerRequest);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await run('ours', ours, requests);
    await run('peer', peer, peerRequests);
  }
  return { ...best, ratio: best.peer / best.ours };
}

/** Starts both, measures until the ratio is at least `least`, and stops them. */
async function compare({ name, least, start, startPeer, ...how }) {
  const started = [];
  const lines = [];
  try {
    const backend = how.shape.tls ? await startBackend() : null;
    if (backend !== null) started.push(backend);
    for (const begin of [start, startPeer]) started.push(await begin(backend));
    const [ours, peer] = started.slice(-2);
    // Code that is not compiled yet says nothing.
    await load({ server: ours, ...how.shape, requests: how.requests });
    await load({ server: peer, ...how.shape, requests: how.peerRequests });
    let best = 0;
    for (let attempt = 0; attempt < ATTEMPTS && best < least; attempt++) {
      const result = await timesOurs({ ours, peer, ...how });
      best = Math.max(best, result.ratio);
      lines.push(
        `${name}: ${result.ours.toFixed(2)} us of CPU a request, ${peer.name} ${result.peer.toFixed(2)}: ${result.ratio.toFixed(1)} times (at least ${least})`,
      );
    }
    console.log(lines.join('\n'));
    expect(best, lines.join('\n')).toBeGreaterThanOrEqual(least);
  } finally {
    for (const each of started) await each.stop();
  }
}

it.skipIf(!canMeasure)('handler API: tiny requests against node:http2', () =>
  compare({
    name: 'handler API',
    least: 10,
    start: startCore,
    startPeer: startNodeHttp2,
    shape: TINY,
    requests: 60_000,
    peerRequests: 5000,
  }),
);

it.skipIf(!canMeasure)('session API: tiny requests against node:http2', () =>
  compare({
    name: 'session API',
    least: 6,
    start: startSession,
    startPeer: startNodeHttp2,
    shape: TINY,
    requests: 40_000,
    peerRequests: 5000,
  }),
);

it.skipIf(!canMeasure)('gateway from HTTP/2 over TLS to HTTP/1.1 against a proxy on node:http2', () =>
  compare({
    name: 'gateway',
    least: 2.5,
    start: startGateway,
    startPeer: startNodeProxy,
    shape: PROXIED,
    requests: 10_000,
    peerRequests: 3000,
  }),
);
