/**
 * The inspector as the gateway's main thread sees it: a `Trace` to hand to the data path, and an address to print.
 *
 *     data path --> Recorder --> shared memory --> worker thread { Hub, AdminServer } --> browser
 *
 * A gateway with workers has this in every worker, with a private socket in place of the address, and one more thread in
 * the primary process that looks at all of them (`merged-inspector.ts`).
 */
import { randomUUID } from 'node:crypto';
import { formatAddress } from '../config/address.ts';
import type { HubIdentity } from '../trace/hub/reception.ts';
import type { VerdictEvent } from '../trace/hub/verdict-watch.ts';
import type { ConnectionNumbers, Numbering } from '../trace/numbering.ts';
import { Recorder } from '../trace/recorder.ts';
import { allocateTrace, type TraceSizes } from '../trace/shared.ts';
import type { Trace } from '../trace/trace.ts';
import { isLoopbackHost, newToken } from './guard.ts';
import { type HubSocket, SOCKET_HOST } from './hub-socket.ts';
import type { AdminServerOptions } from './server.ts';
import { type HubThread, startThread } from './start-thread.ts';
import type { FromWorker, ViewerLimits, WorkerData } from './worker-messages.ts';

/** What the page's listener is started with. */
export interface InspectorListenerOptions extends ViewerLimits {
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
  /** Told when the thread fails after it had started. The gateway goes on; the inspector is gone. Default: a warning. */
  readonly onError?: (error: Error) => void;
}

/** What a process records. */
export interface RecordingOptions extends TraceSizes {
  /** Show sensitive values instead of their hashes. Default false. */
  readonly reveal?: boolean;
  /**
   * Octets per second of field sections and stream events recorded while nobody looks; under more load they are recorded
   * for a part of the time, frames always. `Infinity`: all, 0: none. Default 2 MiB.
   */
  readonly idleBytesPerSecond?: number;
  /** Octets kept of every DATA frame, 0 for none. Default 0, at most 16384. */
  readonly payloadBytes?: number;
  /** Told when a stream begins to stand still, and why, and when it goes on. With it the thread reads all the time. */
  readonly onVerdict?: (event: VerdictEvent) => void;
}

/** What the inspector is started with. */
export interface InspectorOptions extends InspectorListenerOptions, RecordingOptions {}

/** A running recorder and its hub. */
export interface Recording {
  readonly trace: Trace;
  /** Says where clients connect to, as URLs, which the page shows and offers commands for. */
  listensOn(urls: readonly string[]): void;
  /** Ends the listener and the thread. The trace stays usable and goes nowhere. */
  close(): Promise<void>;
}

/** A running inspector. */
export interface Inspector extends Recording {
  readonly host: string;
  readonly port: number;
  /** Where the page is, without the token: safe to log. */
  readonly address: string;
  /** What to open: the address with the token in the fragment, which browsers never send. */
  readonly url: string;
  readonly token: string;
}

/** What a worker's hub is started with. */
export interface WorkerHubOptions extends RecordingOptions {
  readonly socket: HubSocket;
  readonly numbering: Numbering;
  readonly numbers: ConnectionNumbers;
  /** 16 octets, the same for all workers, so that equal hidden values have equal hashes in all of them. */
  readonly hashKey: Uint8Array;
  /** `process.hrtime` in nanoseconds at t = 0, the same for all workers. */
  readonly epochNs: bigint;
  readonly onError?: (error: Error) => void;
}

/** Closed connections and streams that are kept, by all workers together. */
const CLOSED_CONNECTIONS = 1000;
const CLOSED_STREAMS = 10_000;

const MIN_TOKEN = 22;

/** The listener's options with their defaults. Throws with a sentence to act on when one cannot be used. */
export function inspectorListener(options: InspectorListenerOptions): AdminServerOptions {
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
  return { host, port: options.port ?? 8090, token, staticRoot: options.staticRoot };
}

/**
 * Starts the inspector. Rejects with a sentence to act on: the address is not a loopback address, the port is taken,
 * the token is too short, or the worker's built file is missing.
 */
export async function startInspector(options: InspectorOptions): Promise<Inspector> {
  const server = inspectorListener(options);
  const { name = formatAddress(server), release = '', onError = warn } = options;
  const { thread, trace } = await record(options, server, { name, release }, process.hrtime.bigint(), onError);
  return { trace, ...addressOf(server, thread), ...handleOf(thread, trace) };
}

/** Starts recording in a worker; its hub listens on the socket for the inspector of all workers. */
export async function startWorkerHub(options: WorkerHubOptions): Promise<Recording> {
  const { socket, epochNs, onError = warn } = options;
  const server: AdminServerOptions = { ...SOCKET_HOST, ...socket, staticRoot: null };
  const { thread, trace } = await record(options, server, { name: '', release: '' }, epochNs, onError);
  return { trace, ...handleOf(thread, trace) };
}

/** What a running inspector says of where it is. */
export function addressOf(
  { host, token }: AdminServerOptions,
  { port }: HubThread,
): Pick<Inspector, 'host' | 'port' | 'address' | 'url' | 'token'> {
  const address = `http://${formatAddress({ host, port })}/`;
  return { host, port, address, url: `${address}#token=${token}`, token };
}

/** What can be done with a running thread. */
export function handleOf(thread: HubThread, recorder?: Recorder): Pick<Inspector, 'listensOn' | 'close'> {
  return {
    listensOn: on => thread.post({ type: 'listens', on }),
    close: () => {
      recorder?.flush();
      return thread.close();
    },
  };
}

/** What a thread says of the gateway to those who look. */
export function identityOf(
  names: Pick<HubIdentity, 'name' | 'release'>,
  revealed: boolean,
  payloadBytes: number,
): HubIdentity {
  const sampled = payloadBytes > 0 ? { payloadBytes } : {};
  return { gateway: randomUUID(), ...names, epochMs: Date.now(), revealed, ...sampled };
}

/** What of the options is about viewers. */
export function limitsOf({ creditBytes, maxLagRecords }: ViewerLimits): ViewerLimits {
  return {
    ...(creditBytes === undefined ? {} : { creditBytes }),
    ...(maxLagRecords === undefined ? {} : { maxLagRecords }),
  };
}

async function record(
  options: RecordingOptions & ViewerLimits & Partial<Pick<WorkerHubOptions, 'hashKey' | 'numbering' | 'numbers'>>,
  server: AdminServerOptions,
  names: Pick<HubIdentity, 'name' | 'release'>,
  epochNs: bigint,
  onError: (error: Error) => void,
): Promise<{ readonly thread: HubThread; readonly trace: Recorder }> {
  const { reveal: revealed = false, payloadBytes = 0, idleBytesPerSecond, hashKey, numbering, onVerdict } = options;
  const shared = allocateTrace(options);
  // `performance.now` is cheaper to ask than `hrtime`, and runs on the same clock.
  const ahead = Number(process.hrtime.bigint() - epochNs) / 1e6 - performance.now();
  const recorder = new Recorder(
    shared,
    {
      clock: () => Math.floor((performance.now() + ahead) * 1000),
      revealed,
      payloadBytes,
      ...(idleBytesPerSecond === undefined ? {} : { idleBytesPerSecond }),
      ...(numbering === undefined ? {} : { numbering }),
      ...(hashKey === undefined ? {} : { hashKey }),
    },
    options.numbers,
  );
  const data: WorkerData = {
    shared,
    server,
    identity: identityOf(names, revealed, payloadBytes),
    epochNs,
    verdicts: onVerdict !== undefined,
    hub: { ...limitsOf(options), ...(numbering === undefined ? {} : shareOf(numbering)) },
  };
  const message = (told: FromWorker): void => {
    if (told.type === 'resync') recorder.resync();
    else if (told.type === 'verdict') onVerdict?.(told.event);
  };
  const thread = await startThread('inspector-worker', data, { message, error: onError });
  return { thread, trace: recorder };
}

/** What a worker keeps, so that all together keep what one process would. */
function shareOf({ worker, workers }: Numbering): WorkerData['hub'] {
  return {
    worker,
    closedConnections: Math.ceil(CLOSED_CONNECTIONS / workers),
    closedStreams: Math.ceil(CLOSED_STREAMS / workers),
  };
}

/** Tells of a thread that failed, where nobody else does. */
export function warn(error: Error): void {
  process.emitWarning(`the inspector ended: ${error.message}`, { code: 'GLASSWAY_INSPECTOR' });
}
