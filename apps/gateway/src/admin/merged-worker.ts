/** Entry of the thread of a gateway with workers: the hub over all of them and the admin server, apart from accepting. */
import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { MergedHub } from '../trace/merge/merged-hub.ts';
import { SocketInput } from './hub-socket.ts';
import { AdminServer } from './server.ts';
import { clockOf, serve, TICK_MS, Ticker } from './thread.ts';
import type { FromWorker, MergedWorkerData, ToMergedWorker } from './worker-messages.ts';

/** Ticks to wait for workers that have not ended. */
const MAX_WAITS = 30;
/** What people's browsers may take to read what was said last, milliseconds. */
const LAST_WORDS_MS = 500;

const data = workerData as MergedWorkerData;
const inputs = new Map<string, SocketInput>();

const hub = new MergedHub({
  ...data.hub,
  identity: data.identity,
  clock: clockOf(data.epochNs),
  onWake: () => ticker.soon(),
});
const ticker = new Ticker(() => {
  hub.tick();
  return hub.asleep ? null : TICK_MS;
});
const server = new AdminServer(hub, data.server);

parentPort!.on('message', (message: ToMergedWorker) => {
  if (message.type === 'join') {
    const { worker, socket } = message;
    const input = new SocketInput(worker, socket, ({ message: why }) => {
      parentPort!.postMessage({
        type: 'problem',
        message: `what worker ${worker} tells the inspector is not understood: ${why}`,
      } satisfies FromWorker);
    });
    inputs.set(socket.path, input);
    hub.join(input);
  } else if (message.type === 'leave') {
    const input = inputs.get(message.path);
    if (input === undefined) return;
    inputs.delete(message.path);
    hub.leave(input);
  }
});

await serve(server, ticker, {
  listens: on => hub.listensOn(on),
  async finish() {
    // The workers have ended; what they said last is read to its end.
    for (let i = 0; i < MAX_WAITS && hub.inputs > 0; i++) await setTimeout(TICK_MS);
    hub.finish();
  },
  lastWordsMs: LAST_WORDS_MS,
});
