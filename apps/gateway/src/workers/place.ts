/** What a worker is told by the primary when it is started: its place among the others. */
import type { ListenAddress } from '../config/address.ts';
import type { Settings } from '../config/settings.ts';
import type { Numbering } from '../trace/numbering.ts';

/** The settings by which workers listen. */
export type WorkerListen = Pick<Settings, 'http' | 'https'>;

/** A worker's place. */
export interface WorkerPlace extends Numbering {
  /** Listeners of the primary, which no worker must ever dial. */
  readonly own: readonly ListenAddress[];
  /** Where the workers before it listen, whatever the file says by now; null: it is the first. */
  readonly listen: WorkerListen | null;
  /** Where its hub is to listen for the inspector of all workers; null: there is none. */
  readonly hub: {
    /** Folder for its socket. */
    readonly directory: string;
    /** `process.hrtime` in nanoseconds at t = 0, as decimal digits. */
    readonly epochNs: string;
  } | null;
}

const VARIABLE = 'GLASSWAY_WORKER';
/** Variable with what session tickets are made with, in base64; taken out of the environment at once. */
export const TICKET_KEYS = 'GLASSWAY_WORKER_TICKET_KEYS';
/** Variable with what hidden values are hashed with, likewise. */
export const HASH_KEY = 'GLASSWAY_WORKER_HASH_KEY';

/** As it stands in the environment of the worker's process for as long as that lives: nothing of it is secret. */
export function placeVariable(place: WorkerPlace): Record<string, string> {
  const { worker, workers, after, incarnation, listen, hub } = place;
  const own = place.own.map(({ host, port }) => ({ host, port }));
  return {
    [VARIABLE]: JSON.stringify({ worker, workers, after, incarnation, own, listen, hub } satisfies WorkerPlace),
  };
}

/** The place of this process, which is a worker. */
export function placeOfWorker(): WorkerPlace {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new Error(`${VARIABLE} is missing: workers are started by the primary process only`);
  return JSON.parse(text) as WorkerPlace;
}
