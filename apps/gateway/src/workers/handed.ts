/**
 * Connections that were handed to a worker which died before it took them. node:cluster keeps its own descriptor of a
 * connection until the worker has said that it took it. A dead one says nothing, so the connection would stay open, served by
 * nobody, and its client would wait for ever.
 */
import type { Worker } from 'node:cluster';

/** What the primary and a worker of node:cluster say to each other about connections. */
interface ClusterMessage {
  readonly cmd?: string;
  /** `newconn`: a connection comes with it, and the answer to `seq` says whether it was taken. */
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

const CLUSTER = 'NODE_CLUSTER';

/**
 * When the worker is gone, closes what it was handed and did not answer for: its client hears at once that it is to come
 * again. Call once, right after `fork`.
 */
export function closeUntaken({ process: child }: Worker): void {
  const untaken = new Map<number, { close(): void }>();
  const send = child.send as (...all: unknown[]) => boolean;
  child.send = (...all: unknown[]): boolean => {
    const { cmd, act, seq } = all[0] as ClusterMessage;
    if (cmd === CLUSTER && act === 'newconn' && seq !== undefined) untaken.set(seq, all[1] as { close(): void });
    return send.apply(child, all);
  };
  child.on('internalMessage', ({ cmd, ack }: ClusterMessage) => {
    if (cmd === CLUSTER && ack !== undefined) untaken.delete(ack);
  });
  // Its last answers were read before. ('disconnect' does not come while an answer is missing.)
  child.once('close', () => {
    for (const connection of untaken.values()) connection.close();
  });
}
