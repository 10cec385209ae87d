/** Entry of the worker thread: the hub and the admin server, apart from the data plane. */
import { parentPort, workerData } from 'node:worker_threads';
import { Hub } from '../trace/hub/hub.ts';
import { AdminServer } from './server.ts';
import { clockOf, serve, TICK_MS, Ticker } from './thread.ts';
import type { FromWorker, WorkerData } from './worker-messages.ts';

/** Time between two looks at the rings while nobody looks, milliseconds. */
const IDLE_TICK_MS = 500;
/**
 * What the inspector of all workers may take to read what was said last, milliseconds. Not much less than the gateway waits
 * for this thread: on a busy machine that one may not run for a while, and how connections ended would not be known.
 */
const LAST_WORDS_MS = 1500;

const data = workerData as WorkerData;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);

const hub = new Hub(data.shared, {
  ...data.hub,
  identity: data.identity,
  clock: clockOf(data.epochNs),
  requestResync: () => tell({ type: 'resync' }),
  ...(data.verdicts ? { onVerdict: event => tell({ type: 'verdict', event }) } : {}),
  onWake: () => ticker.soon(),
});
const ticker = new Ticker(() => {
  hub.tick();
  return hub.asleep ? IDLE_TICK_MS : TICK_MS;
});
const server = new AdminServer(hub, data.server);

await serve(server, ticker, {
  listens: on => hub.listensOn(on),
  finish: data.server.path === undefined ? null : () => hub.finish(),
  lastWordsMs: LAST_WORDS_MS,
});
