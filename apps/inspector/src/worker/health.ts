/** How a connection does, for its badge. Why its streams do not move is for the protocol's `VerdictEngine` to say. */
import { Blocked, errorName, IDLE_PATIENCE_US, lasting, PATIENCE_US, plural } from '@glassway/inspector-protocol';
import type { Health } from '../feed/model.ts';
import type { ConnectionEntry } from './state-entries.ts';

/** How a connection does, for its badge, and the same as a sentence. */
export function healthOf(entry: ConnectionEntry, now: number): { health: Health; verdict: string; sentence: string } {
  const { facts, state } = entry;
  if (facts.closedAt >= 0) {
    const why = facts.closeReason;
    const sentence = why === null ? 'Closed in good order.' : `Closed: ${why.text}`;
    return { health: why === null ? 'closed' : 'broken', verdict: 'closed', sentence };
  }
  const since = now - state.blockedSince;
  if (state.blocked === Blocked.CONNECTION_WINDOW && since >= PATIENCE_US) {
    const waits = `${plural(state.blockedStreams, 'stream')} ${state.blockedStreams === 1 ? 'waits' : 'wait'} for the connection’s window`;
    return {
      health: 'stalled',
      verdict: `stalled ${lasting(since / 1000)}`,
      sentence: `${waits} since ${lasting(since / 1000)}.`,
    };
  }
  if (state.blocked === Blocked.TRANSPORT && since >= PATIENCE_US && stuckStream(entry, now) !== null) {
    return {
      health: 'stalled',
      verdict: 'socket full',
      sentence: `The socket has been full since ${lasting(since / 1000)}.`,
    };
  }
  const stuckAt = stuckStream(entry, now);
  const waiting = stuckAt === null ? undefined : entry.open.get(stuckAt)?.state;
  if (waiting !== undefined) {
    const lasts = lasting((now - waiting.stalledSince) / 1000);
    return {
      health: 'stalled',
      verdict: `stalled ${lasts}`,
      sentence: `Stream ${waiting.stream} ${waiting.blocked === Blocked.STREAM_WINDOW ? 'waits for its window' : 'cannot send'} since ${lasts}.`,
    };
  }
  const goAway = facts.goAwaySent ?? facts.goAwayReceived;
  if (goAway !== null) {
    const who = facts.goAwaySent === goAway ? 'sent' : 'received';
    return {
      health: 'draining',
      verdict: 'draining',
      sentence: `GOAWAY ${who} with ${errorName(goAway.code)}; ${plural(state.openStreams, 'stream')} left.`,
    };
  }
  const idle = now - state.lastActivityAt;
  if (state.openStreams > 0 && idle >= IDLE_PATIENCE_US) {
    return {
      health: 'idle',
      verdict: `idle ${lasting(idle / 1000)}`,
      sentence: `${plural(state.openStreams, 'stream')} ${state.openStreams === 1 ? 'is' : 'are'} open and nothing moves since ${lasting(idle / 1000)}.`,
    };
  }
  return { health: 'healthy', verdict: 'healthy', sentence: 'Nothing stands in the way.' };
}

/** The first stream that could not send for long enough to be remarked upon, null when all can. */
export function stuckStream(entry: ConnectionEntry, now: number): number | null {
  for (const { state } of entry.open.values()) {
    if (state.stalledSince >= 0 && now - state.stalledSince >= PATIENCE_US) return state.stream;
  }
  return null;
}
