/** What can be said of a stream that is gone: only when it did not end as streams should. */
import { errorName } from '../vocabulary.ts';
import type { ConnectionView, SentencePart, StreamView, Verdict } from './types.ts';
import { peerOf, streamLink, verdict } from './words.ts';

const NO_ERROR = 0;
const CANCEL = 8;

/** How a stream ended, null when in good order. */
export function ending(connection: ConnectionView, { facts, state }: StreamView): Verdict | null {
  const { reset, reason } = facts;
  if (reset !== null) {
    const remote = reset.initiator === 'remote';
    const code = errorName(reset.code);
    const why = reason === null ? reset.reason : `${reason.text} (${reason.code})`;
    const sentence: SentencePart[] = [
      streamLink(connection, state),
      {
        text: ` was reset by ${remote ? peerOf(connection) : 'the gateway'} with ${code}${why === '' ? '' : `: ${why}`}`,
      },
    ];
    const who = remote ? (connection.facts.leg === 0 ? 'client' : 'backend') : 'gateway';
    const tone = reset.code === NO_ERROR || reset.code === CANCEL ? 'warn' : 'bad';
    return verdict(code, tone, `reset by ${who}`, sentence, -1, 0, reason?.rfc || '9113 6.4');
  }
  if (reason === null) return null;
  const sentence: SentencePart[] = [
    streamLink(connection, state),
    { text: ` was ended by the gateway: ${reason.text} (${reason.code})` },
  ];
  return verdict(reason.code.toUpperCase(), 'warn', reason.code.replaceAll('_', ' '), sentence, -1, 0, reason.rfc);
}
