/**
 * The inspector of a gateway with workers, as its primary process sees it.
 *
 *     worker { Recorder --> Hub } <-- Unix socket -- thread of the primary { MergedHub, AdminServer } --> browser
 *
 * The thread looks at the workers while somebody looks at it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress } from '../config/address.ts';
import type { HubSocket } from './hub-socket.ts';
import {
  addressOf,
  handleOf,
  type Inspector,
  type InspectorListenerOptions,
  identityOf,
  inspectorListener,
  limitsOf,
  warn,
} from './inspector.ts';
import { startThread } from './start-thread.ts';

/** A running inspector of all workers. */
export interface MergedInspector extends Omit<Inspector, 'trace'> {
  /** Folder of the workers' sockets, which only this user may enter. */
  readonly directory: string;
  /** `process.hrtime` in nanoseconds at t = 0. */
  readonly epochNs: bigint;
  /** A worker's hub may be looked at. */
  join(worker: number, socket: HubSocket): void;
  /** That worker is gone. */
  leave(socket: HubSocket): void;
}

/** What the inspector of all workers is started with. */
export interface MergedInspectorOptions extends InspectorListenerOptions {
  /** Octets that workers keep of every DATA frame, 0 for none. Default 0. */
  readonly payloadBytes?: number;
  /** Told of what should not be, after which it goes on. */
  readonly onProblem: (problem: string) => void;
}

/** Starts it. Rejects as `startInspector` does. */
export async function startMergedInspector(options: MergedInspectorOptions): Promise<MergedInspector> {
  const server = inspectorListener(options);
  const { name = formatAddress(server), release = '', payloadBytes = 0, onError = warn } = options;
  const epochNs = process.hrtime.bigint();
  const data = {
    server,
    identity: identityOf({ name, release }, false, payloadBytes),
    epochNs,
    hub: limitsOf(options),
  };
  const directory = socketFolder();
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const thread = await startThread('merged-worker', data, {
    message: message => {
      if (message.type === 'problem') options.onProblem(message.message);
    },
    error: onError,
  }).catch((error: Error) => {
    remove();
    throw error;
  });
  process.once('exit', remove);
  const { listensOn, close } = handleOf(thread);
  return {
    ...addressOf(server, thread),
    directory,
    epochNs,
    listensOn,
    join: (worker, socket) => thread.post({ type: 'join', worker, socket }),
    leave: ({ path }) => {
      thread.post({ type: 'leave', path });
      // A worker that was killed leaves its socket behind.
      if (process.platform !== 'win32') rmSync(path, { force: true });
    },
    async close() {
      await close();
      process.off('exit', remove);
      remove();
    },
  };
}

/** A new folder with mode 0700: nobody else can reach what is in it. */
function socketFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), `glassway-${process.pid}-`));
  } catch (error) {
    throw new Error(
      `the inspector needs a folder for the sockets of the workers, and there can be none in ${tmpdir()} ` +
        `(${(error as Error).message}): name another with TMPDIR, or turn it off with --inspector off`,
    );
  }
}
