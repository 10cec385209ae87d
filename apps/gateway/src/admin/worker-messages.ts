/** What the main thread of a process and its inspector's thread say to each other. */
import type { HubIdentity } from '../trace/hub/reception.ts';
import type { VerdictEvent } from '../trace/hub/verdict-watch.ts';
import type { SharedTrace } from '../trace/shared.ts';
import type { HubSocket } from './hub-socket.ts';
import type { AdminServerOptions } from './server.ts';

/** What viewers may cost. */
export interface ViewerLimits {
  readonly creditBytes?: number;
  readonly maxLagRecords?: number;
}

/** What both kinds of threads are started with. */
interface ThreadData {
  readonly server: AdminServerOptions;
  readonly identity: HubIdentity;
  /** `process.hrtime` in nanoseconds at t = 0: the same clock in all threads and processes of a machine. */
  readonly epochNs: bigint;
}

/** What the thread with the hub of this process is started with. */
export interface WorkerData extends ThreadData {
  readonly shared: SharedTrace;
  readonly hub: ViewerLimits & {
    readonly worker?: number;
    readonly closedConnections?: number;
    readonly closedStreams?: number;
  };
  /** Whether verdicts are wanted even while nobody looks. */
  readonly verdicts: boolean;
}

/** What the thread with the hub over all workers is started with. */
export interface MergedWorkerData extends ThreadData {
  readonly hub: ViewerLimits;
}

/** From the thread. */
export type FromWorker =
  | { readonly type: 'listening'; readonly port: number }
  /** It cannot listen. */
  | { readonly type: 'failed'; readonly message: string; readonly code: string }
  /** A stream stands still, or goes on. */
  | { readonly type: 'verdict'; readonly event: VerdictEvent }
  /** Something went wrong; it goes on. */
  | { readonly type: 'problem'; readonly message: string }
  /** It lost entries: tell again what lasts. */
  | { readonly type: 'resync' };

/** To either thread. */
export type ToWorker =
  | { readonly type: 'close' }
  /** The data plane listens: its URLs. */
  | { readonly type: 'listens'; readonly on: readonly string[] };

/** To the thread with the hub over all workers. */
export type ToMergedWorker =
  | ToWorker
  /** A worker's hub may be looked at. */
  | { readonly type: 'join'; readonly worker: number; readonly socket: HubSocket }
  /** That worker is gone. */
  | { readonly type: 'leave'; readonly path: string };
