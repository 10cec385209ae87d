/**
 * The inspector of a gateway with workers, as its primary process sees it.
 *
 *     worker { Recorder --> Hub } <-- Unix socket -- thread of the primary { MergedHub, AdminServer } --> browser
 *
 * The thread looks at the workers while somebody looks at it.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HubSocket } from './hub-socket.ts';
import { addressOf, handleOf, type Inspector, type InspectorListenerOptions, inspectorListener } from './inspector.ts';
import { formatAddress, startThread } from './start-thread.ts';

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
  const { name = formatAddress(server.host, server.port), release = '', payloadBytes = 0 } = options;
  const { creditBytes, maxLagRecords } = options;
  const epochNs = process.hrtime.bigint();
  const data = {
    server,
    identity: {
      gateway: randomUUID(),
      name,
      release,
      epochMs: Date.now(),
      revealed: false,
      ...(payloadBytes > 0 ? { payloadBytes } : {}),
    },
    epochNs,
    hub: {
      ...(creditBytes === undefined ? {} : { creditBytes }),
      ...(maxLagRecords === undefined ? {} : { maxLagRecords }),
    },
  };
  const directory = socketFolder();
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const thread = await startThread('merged-worker', data, {
    message: message => {
      if (message.type === 'problem') options.onProblem(message.message);
    },
    error: error => options.onError?.(error),
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
