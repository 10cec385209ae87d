/**
 * WORKERS: what a second process is worth. Both gateways may use both cores, which the load generator and the backend need
 * as well, so the figure to look at is CPU time per request: it must not grow. Requests per second can at best come to what
 * the others leave; how much CPU time h2load takes is told with it.
 */
import { load, median } from '../lib/load.mjs';
import { cpuMicros } from '../lib/process.mjs';
import { ratio } from '../lib/report.mjs';
import { startBackend, startGateway } from '../lib/servers.mjs';

const SHAPE = { requests: 40_000, clients: 20, streams: 10, tls: true, core: '0,1' };
const ROUNDS = 3;

export async function workers(out) {
  const row = 'WORKERS';
  const shape = 'h2/TLS to HTTP/1.1, 20x10, both cores';
  const started = [];
  try {
    const backend = await startBackend({ core: '0,1' });
    started.push(backend);
    const gateways = [];
    for (const count of [1, 2]) {
      const name = count === 1 ? '1 process' : '2 workers';
      gateways.push(await startGateway(backend, { name, core: '0,1', workers: count }));
      started.push(gateways.at(-1));
    }
    const samples = new Map(gateways.map(({ name }) => [name, []]));
    for (const server of gateways) await load({ server, ...SHAPE });
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of gateways) {
        const before = cpuMicros(backend.pid);
        const result = await load({ server, ...SHAPE });
        const backendMicros = (cpuMicros(backend.pid) - before) / SHAPE.requests;
        samples.get(server.name).push({ ...result, backendMicros });
      }
    }
    const figures = new Map();
    for (const [name, runs] of samples) {
      const of = key => median(runs.map(run => run[key]));
      const figure = { rate: of('rate'), cpuPerRequest: of('cpuPerRequest') };
      figures.set(name, figure);
      out.figures.push({ row, shape, name, ...figure });
      out.figures.push({ row, shape, name: `${name}: h2load`, rate: figure.rate, cpuPerRequest: of('clientMicros') });
      out.figures.push({ row, shape, name: `${name}: backend`, rate: figure.rate, cpuPerRequest: of('backendMicros') });
    }
    const one = figures.get('1 process');
    const two = figures.get('2 workers');
    const tell = (peer, value, target, atLeast) =>
      out.results.push(ratio({ row, shape, peer, value, unit: '2 workers to 1 process', target, atLeast }));
    tell('requests/s, 2 to 1', two.rate / one.rate, null, true);
    tell('CPU per request, 2 to 1', two.cpuPerRequest / one.cpuPerRequest, 1.3, false);
  } finally {
    for (const each of started.reverse()) await each.stop();
  }
}
