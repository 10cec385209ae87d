/** What the gateway's main thread and the inspector's worker say to each other. */
import type { HubIdentity } from '../trace/hub/hub.ts';
import type { VerdictEvent } from '../trace/hub/verdict-watch.ts';
import type { SharedTrace } from '../trace/shared.ts';
import type { AdminServerOptions } from './server.ts';

/** What the worker is started with. */
export interface WorkerData {
  readonly shared: SharedTrace;
  readonly server: AdminServerOptions;
  readonly identity: HubIdentity;
  /** `process.hrtime` in nanoseconds at t = 0: the same clock in all threads of a process. */
  readonly epochNs: bigint;
  readonly hub: {
    readonly creditBytes?: number;
    readonly maxLagRecords?: number;
  };
  /** Whether verdicts are wanted even while nobody looks. */
  readonly verdicts: boolean;
}

/** From the worker. */
export type FromWorker =
  | { readonly type: 'listening'; readonly port: number }
  /** It cannot listen. */
  | { readonly type: 'failed'; readonly message: string; readonly code: string }
  /** A stream stands still, or goes on. */
  | { readonly type: 'verdict'; readonly event: VerdictEvent }
  /** It lost entries: tell again what lasts. */
  | { readonly type: 'resync' };

/** To the worker. */
export type ToWorker =
  | { readonly type: 'close' }
  /** The data plane listens: its URLs. */
  | { readonly type: 'listens'; readonly on: readonly string[] };
