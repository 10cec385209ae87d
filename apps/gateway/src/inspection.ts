/** What of the inspector a gateway has: all of it, a hub for the inspector of all workers, or nothing but numbers. */

import { newToken } from './admin/guard.ts';
import { type HubSocket, hubSocketPath } from './admin/hub-socket.ts';
import { startInspector, startWorkerHub, type WorkerHubOptions } from './admin/inspector.ts';
import { type ListenAddress, localName } from './config/address.ts';
import type { Settings } from './config/settings.ts';
import { findInspectorPage } from './inspector-page.ts';
import type { Logger } from './log.ts';
import { failedIn } from './problems.ts';
import type { VerdictEvent } from './trace/hub/verdict-watch.ts';
import { ConnectionNumbers } from './trace/numbering.ts';
import { NO_TRACE, type Trace, untraced } from './trace/trace.ts';
import { VERSION } from './version.ts';
import type { WorkerPlace } from './workers/place.ts';

/** What a gateway was started with that is no setting. */
export interface InspectionOptions {
  /** Folder with the inspector's page. Default: the one built with this gateway. */
  readonly inspectorPage?: string | null;
  /** This is a worker. */
  readonly worker?: {
    readonly place: WorkerPlace;
    /** What hidden values are hashed with by all workers, 16 octets. */
    readonly hashKey: Uint8Array;
    /** Connections up to this number may be given from now on. */
    readonly reserve: (upTo: number) => void;
  };
}

/** A gateway's part in being inspected. */
export interface Inspection {
  readonly trace: Trace;
  /** Where the inspector's page is, with the token; null: it is off, or not here. */
  readonly url: string | null;
  /** Where its listener is; null as above. */
  readonly listener: ListenAddress | null;
  /** Where a worker's hub may be looked at; null: this is no worker, or the inspector is off. */
  readonly hub: HubSocket | null;
  listensOn(urls: readonly string[]): void;
  close(): Promise<void>;
}

/** Begins. Rejects with a StartFailure when a port cannot be used. */
export async function startInspection(
  { inspector: address, inspectorPayloads, logStalls }: Pick<Settings, 'inspector' | 'inspectorPayloads' | 'logStalls'>,
  { worker, inspectorPage }: InspectionOptions,
  logger: Logger,
): Promise<Inspection> {
  const onError = (error: Error): void => logger.error(`the inspector ended, the gateway goes on: ${error.message}`);
  const onVerdict = ({ connection, stream, code, text }: VerdictEvent): void =>
    logger.warn(code === '' ? text : `${code} on stream ${stream} of connection ${connection}: ${text}`);
  const watched = { onError, payloadBytes: inspectorPayloads, ...(logStalls ? { onVerdict } : {}) };
  if (worker !== undefined) return ofWorker(worker, watched);
  if (address === null) return { ...NOTHING, trace: NO_TRACE };
  const staticRoot = pageFolder(inspectorPage, logger);
  const { host, port } = address;
  const options = { host, port, staticRoot, release: VERSION, ...watched };
  const inspector = await startInspector(options).catch(failedIn('inspector'));
  return { ...inspector, listener: inspector, hub: null };
}

/** The folder of the page; a missing one is said. */
export function pageFolder(given: string | null | undefined, logger: Logger): string | null {
  const folder = given === undefined ? findInspectorPage() : given;
  if (folder === null) logger.warn('the inspector page is not built, its address serves only data: npm run build');
  return folder;
}

/** The data plane's listeners as URLs; null: off. */
export function listenerUrls(https: ListenAddress | null, http: ListenAddress | null): string[] {
  return [['https', https] as const, ['http', http] as const].flatMap(([scheme, address]) =>
    address === null ? [] : [`${scheme}://${localName(address)}`],
  );
}

const NOTHING: Omit<Inspection, 'trace'> = {
  url: null,
  listener: null,
  hub: null,
  listensOn: () => {},
  close: async () => {},
};

async function ofWorker(
  { place, hashKey, reserve }: NonNullable<InspectionOptions['worker']>,
  watched: Pick<WorkerHubOptions, 'onError' | 'onVerdict' | 'payloadBytes'>,
): Promise<Inspection> {
  const numbers = new ConnectionNumbers(place, reserve);
  if (place.hub === null) return { ...NOTHING, trace: untraced(numbers) };
  const { directory, epochNs } = place.hub;
  const hub: HubSocket = { path: hubSocketPath(directory), token: newToken() };
  const options = { ...watched, socket: hub, numbering: place, numbers, hashKey, epochNs: BigInt(epochNs) };
  const recording = await startWorkerHub(options).catch(failedIn('inspector'));
  return { ...NOTHING, ...recording, hub };
}
