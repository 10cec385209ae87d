/** Starts and ends the inspector's threads. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { formatAddress } from '../config/address.ts';
import type { FromWorker, MergedWorkerData, ToMergedWorker, WorkerData } from './worker-messages.ts';

/** A thread that does not end by itself is ended. */
const CLOSE_TIMEOUT_MS = 2000;

/** A thread that listens. */
export interface HubThread {
  /** Where it listens. */
  readonly port: number;
  post(message: ToMergedWorker): void;
  /** Ends it. */
  close(): Promise<void>;
}

/** Who hears of the thread. */
export interface ThreadEvents {
  message(message: FromWorker): void;
  /** It failed after it had started. */
  error(error: Error): void;
}

/** Starts the thread of a file next to this one; resolves when it listens, rejects with a sentence when it cannot. */
export async function startThread(
  file: 'inspector-worker' | 'merged-worker',
  data: WorkerData | MergedWorkerData,
  events: ThreadEvents,
): Promise<HubThread> {
  const worker = new Worker(fileOf(file), { workerData: data, execArgv: [], name: 'glassway-inspector' });
  const exited = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  const { host, port, path } = data.server;
  const listening = await untilListening(worker, path ?? formatAddress({ host, port }));
  let closing = false;
  worker.on('message', (message: FromWorker) => events.message(message));
  worker.on('error', error => {
    if (!closing) events.error(error);
  });
  return {
    port: listening,
    post: message => worker.postMessage(message),
    async close() {
      closing = true;
      worker.postMessage({ type: 'close' } satisfies ToMergedWorker);
      const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

function untilListening(worker: Worker, where: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      worker.off('message', onMessage);
      worker.off('error', onError);
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    const onMessage = (message: FromWorker): void => {
      if (message.type === 'listening') {
        settle();
        resolve(message.port);
      } else if (message.type === 'failed') {
        settle();
        reject(cannotListen(message.message, message.code, where));
      }
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
  });
}

function cannotListen(message: string, code: string, where: string): Error {
  const what =
    code === 'EADDRINUSE'
      ? `the inspector cannot listen on ${where}: something else does. Choose another port, or 0 for any`
      : `the inspector cannot listen on ${where}: ${message}`;
  return Object.assign(new Error(what), { code });
}

/**
 * A thread's file runs as built JavaScript. From sources (tests, development) it is the one in `dist`, which
 * `npm run build` makes.
 */
function fileOf(name: string): URL {
  const fromSource = import.meta.url.endsWith('.ts');
  const file = new URL(fromSource ? `../../dist/admin/${name}.js` : `./${name}.js`, import.meta.url);
  if (!existsSync(file)) throw new Error(`${fileURLToPath(file)} is missing: run npm run build first`);
  return file;
}
