/** P9: the cost of one unit of work must not depend on how many others there are. */

import { hold } from '../lib/idle.mjs';
import { compare } from '../lib/load.mjs';
import { ratio } from '../lib/report.mjs';
import { startCore } from '../lib/servers.mjs';

const FLAT = 1.3;
const REQUESTS_PER_CONNECTION = 1000;

/** What grows, and what one unit of work is then. */
const AXES = [
  {
    shape: 'streams at once, 1 connection',
    unit: 'request',
    steps: [100, 1000, 10_000].map(streams => ({ at: streams, requests: 200_000, clients: 1, streams })),
  },
  {
    shape: 'connections, 10 streams each',
    unit: 'request',
    // Every run opens its connections anew. So many requests on each that their beginning is not what is measured.
    steps: [10, 100, 1000].map(clients => ({
      at: clients,
      requests: Math.max(200_000, clients * REQUESTS_PER_CONNECTION),
      clients,
      streams: 10,
    })),
  },
  {
    shape: 'idle connections beside 10x100',
    unit: 'request',
    steps: [0, 1000, 5000].map(idle => ({ at: idle, requests: 200_000, clients: 10, streams: 100, idle })),
  },
  {
    shape: 'header fields of a request',
    unit: 'field',
    steps: [20, 50, 100].map(fields => ({
      at: fields,
      requests: 60_000,
      clients: 10,
      streams: 100,
      fields,
      units: fields,
    })),
  },
  {
    shape: 'dynamic table, octets',
    unit: 'request',
    steps: [0, 4096].map(table => ({ at: table, requests: 200_000, clients: 10, streams: 100, table })),
  },
];

export async function p9(out) {
  const row = 'P9';
  const server = await startCore();
  try {
    for (const { shape, unit, steps } of AXES) {
      const costs = [];
      for (const { at, units = 1, idle = 0, ...load } of steps) {
        const sockets = await hold(server.port, idle);
        const result = (await compare([server], load)).get(server.name);
        for (const socket of sockets) socket.destroy();
        out.figures.push({ row, shape: `${shape}: ${at}`, name: server.name, ...result });
        costs.push({ at, cost: result.cpuPerRequest / units });
      }
      const [first] = costs;
      for (const { at, cost } of costs.slice(1)) {
        const value = cost / first.cost;
        const label = `${shape}: ${at}`;
        out.results.push(
          ratio({
            row,
            shape: label,
            peer: `at ${first.at}`,
            value,
            unit: `CPU per ${unit}`,
            target: FLAT,
            atLeast: false,
          }),
        );
      }
    }
  } finally {
    await server.stop();
  }
}
