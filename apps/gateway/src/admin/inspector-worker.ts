/** Entry of the worker thread: the hub and the admin server, apart from the data plane. */
import { parentPort, workerData } from 'node:worker_threads';
import { Hub } from '../trace/hub/hub.ts';
import { AdminServer } from './server.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker-messages.ts';

/** Time between two looks at the rings, milliseconds: what a viewer waits at most, and how much goes into one batch. */
const TICK_MS = 16;
/** The same while nobody looks. */
const IDLE_TICK_MS = 500;

const data = workerData as WorkerData;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);

const hub = new Hub(data.shared, {
  ...data.hub,
  identity: data.identity,
  clock: () => Number((process.hrtime.bigint() - data.epochNs) / 1000n),
  requestResync: () => tell({ type: 'resync' }),
  ...(data.verdicts ? { onVerdict: event => tell({ type: 'verdict', event }) } : {}),
  onWake: () => {
    clearTimeout(next);
    next = setTimeout(tick, TICK_MS);
  },
});
const server = new AdminServer(hub, data.server);
let next = setTimeout(tick, TICK_MS);

function tick(): void {
  hub.tick();
  next = setTimeout(tick, hub.asleep ? IDLE_TICK_MS : TICK_MS);
}

parentPort!.on('message', (message: ToWorker) => {
  if (message.type === 'listens') {
    hub.listensOn(message.on);
    return;
  }
  clearTimeout(next);
  void server.close().then(() => parentPort!.close());
});

try {
  tell({ type: 'listening', port: await server.listen() });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell({ type: 'failed', message, code: code ?? '' });
  clearTimeout(next);
  parentPort!.close();
}
