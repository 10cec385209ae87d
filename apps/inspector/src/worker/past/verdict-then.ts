/** The verdict on a stream at a moment: as it was told then, in today's words where those say the same. */
import { isStuck, PATIENCE_US, type Verdict, VerdictCode } from '@glassway/inspector-protocol';
import type { VerdictEvent } from './journal.ts';

/* The gateway looks ten times a second, and what it finds is on its way for a moment. */
const TOLD_WITHIN_US = 400_000;

/** Short words of the verdicts that the gateway tells of. */
const SHORT: Readonly<Record<string, string>> = {
  [VerdictCode.MAX_CONCURRENT]: 'no stream free',
  [VerdictCode.GOAWAY_DRAIN]: 'backend draining',
  [VerdictCode.CONNECTING]: 'connecting',
  [VerdictCode.SESSION_SEND_WINDOW]: 'connection window',
  [VerdictCode.STREAM_SEND_WINDOW]: 'stream window',
  [VerdictCode.TRANSPORT]: 'socket full',
  [VerdictCode.SCHEDULER]: 'others first',
  [VerdictCode.HEADER_BLOCK_OPEN]: 'headers unfinished',
  [VerdictCode.LOCAL_BACKPRESSURE]: 'read paused by us',
  [VerdictCode.AWAITING_TRAILERS]: 'no trailers',
  [VerdictCode.BACKEND_IDLE]: 'backend idle',
};

const BAD: ReadonlySet<string> = new Set([
  VerdictCode.SESSION_SEND_WINDOW,
  VerdictCode.STREAM_SEND_WINDOW,
  VerdictCode.TRANSPORT,
  VerdictCode.SCHEDULER,
  VerdictCode.HEADER_BLOCK_OPEN,
]);

/**
 * `told`: what the gateway had told of the stream by `t` and not taken back. `made`: what the rows of the moment come to.
 * `knownSince`: nothing that was told after this is missing.
 *
 * The gateway's word counts, because rows of the past are put together from frames and do not know all that it knew. Where
 * both say the same, ours has the links, and its times are those of the moment.
 */
export function verdictThen(
  told: VerdictEvent | undefined,
  made: Verdict | null,
  knownSince: number,
  t: number,
): Verdict | null {
  if (told !== undefined) {
    return made !== null && made.code === told.code && made.upstream === told.upstream ? made : asTold(told);
  }
  if (made === null || !isStuck(made)) return made;
  const longTold = made.since >= knownSince && t - made.since > PATIENCE_US + TOLD_WITHIN_US;
  return longTold ? null : made;
}

function asTold({ code, upstream, text, since, bytes }: VerdictEvent): Verdict {
  return {
    code,
    upstream,
    tone: BAD.has(code) ? 'bad' : 'warn',
    short: SHORT[code] ?? code.toLowerCase().replaceAll('_', ' '),
    sentence: [{ text }],
    since,
    bytes,
    rfc: '',
  };
}
