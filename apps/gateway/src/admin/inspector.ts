/**
 * The inspector as the gateway's main thread sees it: a `Trace` to hand to the data path, and an address to print.
 *
 *     data path --> Recorder --> shared memory --> worker thread { Hub, AdminServer } --> browser
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { VerdictEvent } from '../trace/hub/verdict-watch.ts';
import { Recorder } from '../trace/recorder.ts';
import { allocateTrace, type TraceSizes } from '../trace/shared.ts';
import type { Trace } from '../trace/trace.ts';
import { isLoopbackHost, newToken } from './guard.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker-messages.ts';

/** What the inspector is started with. */
export interface InspectorOptions extends TraceSizes {
  /** Loopback address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
  /** Port, 0 for any free one. Default 8090. */
  readonly port?: number;
  /** Folder with the built page; null serves only the WebSocket. */
  readonly staticRoot: string | null;
  /** Token of at least 22 characters. Default: a new one of 128 bits. */
  readonly token?: string;
  /** What the page calls this gateway. Default: the inspector's own address. */
  readonly name?: string;
  /** Version of the gateway, shown by the page. */
  readonly release?: string;
  /** Show sensitive values instead of their hashes. Default false. */
  readonly reveal?: boolean;
  /**
   * Octets per second of field sections and stream events recorded while nobody looks; under more load they are recorded
   * for a part of the time, frames always. `Infinity`: all, 0: none. Default 2 MiB.
   */
  readonly idleBytesPerSecond?: number;
  /** Octets kept of every DATA frame, 0 for none. Default 0, at most 16384. */
  readonly payloadBytes?: number;
  /** Octets a viewer may leave unacknowledged. Default 2 MiB. */
  readonly creditBytes?: number;
  /** Frames a viewer may be behind before it skips ahead. Default 65536. */
  readonly maxLagRecords?: number;
  /** Told when a stream begins to stand still, and why, and when it goes on. With it the worker reads all the time. */
  readonly onVerdict?: (event: VerdictEvent) => void;
  /** Told when the worker fails after it had started. The gateway goes on; the inspector is gone. Default: a warning. */
  readonly onError?: (error: Error) => void;
}

/** A running inspector. */
export interface Inspector {
  readonly trace: Trace;
  readonly host: string;
  readonly port: number;
  /** Where the page is, without the token: safe to log. */
  readonly address: string;
  /** What to open: the address with the token in the fragment, which browsers never send. */
  readonly url: string;
  readonly token: string;
  /** Says where clients connect to, as URLs, which the page shows and offers commands for. */
  listensOn(urls: readonly string[]): void;
  /** Ends the listener and the worker. The trace stays usable and goes nowhere. */
  close(): Promise<void>;
}

const MIN_TOKEN = 22;
/** A worker that does not end by itself is ended. */
const CLOSE_TIMEOUT_MS = 2000;

/**
 * Starts the inspector. Rejects with a sentence to act on: the address is not a loopback address, the port is taken,
 * the token is too short, or the worker's built file is missing.
 */
export async function startInspector(options: InspectorOptions): Promise<Inspector> {
  const host = options.host ?? '127.0.0.1';
  if (!isLoopbackHost(host)) {
    throw new Error(
      `the inspector shows all traffic, so it listens only on this machine: use 127.0.0.1 or ::1 instead of ${host}, and ssh -L to reach it from elsewhere`,
    );
  }
  const token = options.token ?? newToken();
  if (!/^[A-Za-z0-9_-]+$/.test(token) || token.length < MIN_TOKEN) {
    throw new Error(`an inspector token needs at least ${MIN_TOKEN} characters of A-Z a-z 0-9 _ -`);
  }
  const shared = allocateTrace(options);
  const epochNs = process.hrtime.bigint();
  const epoch = performance.now();
  const revealed = options.reveal ?? false;
  const payloadBytes = options.payloadBytes ?? 0;
  const recorder = new Recorder(shared, {
    clock: () => Math.floor((performance.now() - epoch) * 1000),
    revealed,
    payloadBytes,
    ...(options.idleBytesPerSecond === undefined ? {} : { idleBytesPerSecond: options.idleBytesPerSecond }),
  });
  const port = options.port ?? 8090;
  const data: WorkerData = {
    shared,
    server: { host, port, token, staticRoot: options.staticRoot },
    identity: {
      gateway: randomUUID(),
      name: options.name ?? formatAddress(host, port),
      release: options.release ?? '',
      epochMs: Date.now(),
      revealed,
      ...(payloadBytes > 0 ? { payloadBytes } : {}),
    },
    epochNs,
    verdicts: options.onVerdict !== undefined,
    hub: {
      ...(options.creditBytes === undefined ? {} : { creditBytes: options.creditBytes }),
      ...(options.maxLagRecords === undefined ? {} : { maxLagRecords: options.maxLagRecords }),
    },
  };
  const worker = new Worker(workerFile(), { workerData: data, execArgv: [], name: 'glassway-inspector' });
  const exited = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  const listening = await untilListening(worker, host, port);
  let closing = false;
  worker.on('message', (message: FromWorker) => {
    if (message.type === 'resync') recorder.resync();
    else if (message.type === 'verdict') options.onVerdict?.(message.event);
  });
  worker.on('error', error => {
    if (!closing) (options.onError ?? warn)(error);
  });
  const address = `http://${formatAddress(host, listening)}/`;
  return {
    trace: recorder,
    host,
    port: listening,
    address,
    url: `${address}#token=${token}`,
    token,
    listensOn: on => worker.postMessage({ type: 'listens', on } satisfies ToWorker),
    async close() {
      closing = true;
      worker.postMessage({ type: 'close' } satisfies ToWorker);
      const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

function untilListening(worker: Worker, host: string, port: number): Promise<number> {
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
      if (message.type === 'resync' || message.type === 'verdict') return;
      settle();
      if (message.type === 'listening') resolve(message.port);
      else reject(cannotListen(message.message, message.code, host, port));
    };
    worker.on('message', onMessage);
    worker.on('error', onError);
  });
}

function cannotListen(message: string, code: string, host: string, port: number): Error {
  const what =
    code === 'EADDRINUSE'
      ? `the inspector cannot listen on ${formatAddress(host, port)}: something else does. Choose another port, or 0 for any`
      : `the inspector cannot listen on ${formatAddress(host, port)}: ${message}`;
  return Object.assign(new Error(what), { code });
}

/**
 * The worker is a file of its own and runs as built JavaScript. From sources (tests, development) it is the one in
 * `dist`, which `npm run build` makes.
 */
function workerFile(): URL {
  const fromSource = import.meta.url.endsWith('.ts');
  const file = new URL(fromSource ? '../../dist/admin/inspector-worker.js' : './inspector-worker.js', import.meta.url);
  if (!existsSync(file)) throw new Error(`${fileURLToPath(file)} is missing: run npm run build first`);
  return file;
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function warn(error: Error): void {
  process.emitWarning(`the inspector ended: ${error.message}`, { code: 'GLASSWAY_INSPECTOR' });
}
