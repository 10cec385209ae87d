/** What the processes of a gateway with `--workers` say to each other. */
import type { HubSocket } from '../admin/hub-socket.ts';
import type { ListenAddress } from '../config/address.ts';
import type { Settings } from '../config/settings.ts';
import type { WorkerListen } from './place.ts';

/** What the primary may ask. */
export type Question = 'metrics' | 'connections' | 'requests' | 'revision';

/** From the primary. */
export type ToWorker =
  | { readonly type: 'ask'; readonly id: number; readonly what: Question }
  /** Finish the requests under way; a second time: stop now. */
  | { readonly type: 'stop'; readonly why: string }
  /** Read the configuration again, as after SIGHUP. */
  | { readonly type: 'reload' };

/** What a worker has in force. */
export interface WorkerRevision {
  readonly settings: Settings;
  /** Counts the settings that its process has had, from 1. */
  readonly reloads: number;
}

/** Where a worker listens; the same for all. */
export interface Listening {
  readonly https: ListenAddress | null;
  readonly http: ListenAddress | null;
  readonly rootCertificatePath: string | null;
  /** The same as it was asked for. */
  readonly listen: WorkerListen;
}

/** From a worker. */
export type FromWorker =
  /** `hub`: where its hub may be looked at; null: the inspector is off. */
  | ({ readonly type: 'listening'; readonly hub: HubSocket | null } & Listening)
  /** Its settings were reloaded. */
  | ({ readonly type: 'reloaded' } & Listening)
  /** Connections up to this number may be given. */
  | { readonly type: 'reserved'; readonly upTo: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown };
