import type { ReactNode } from 'react';
import type { StreamDetail } from '../../feed/model.ts';
import { bytes, span } from '../../text/format.ts';
import css from './strips.module.css';

/** HTTP/1.1 has no frames: how far request and response have come, and how long each part took. */
export function Http1Progress(props: { readonly detail: StreamDetail }): ReactNode {
  const { stateRow, leg, sections } = props.detail;
  const client = leg === 0;
  // On the client's leg the request is what is received, on a backend's what is sent.
  const request = client
    ? { head: stateRow.headReceivedAt, end: stateRow.endReceivedAt, octets: stateRow.bytesReceived, way: '←' }
    : { head: stateRow.headSentAt, end: stateRow.endSentAt, octets: stateRow.bytesSent, way: '→' };
  const response = client
    ? { head: stateRow.headSentAt, end: stateRow.endSentAt, octets: stateRow.bytesSent, way: '→' }
    : { head: stateRow.headReceivedAt, end: stateRow.endReceivedAt, octets: stateRow.bytesReceived, way: '←' };
  const lengthOf = (kind: number): number => {
    const field = sections
      .find(section => section.kind === kind)
      ?.fields.find(each => /^content-length$/i.test(each.name));
    return field === undefined ? -1 : Number(field.value);
  };
  return (
    <dl className={css['messages']}>
      <Message name="request" {...request} announced={lengthOf(0)} openedAt={stateRow.openedAt} />
      <Message name="response" {...response} announced={lengthOf(1)} openedAt={stateRow.openedAt} />
    </dl>
  );
}

function Message(props: {
  readonly name: string;
  readonly way: string;
  /** When its head and its end passed, -1: not yet. */
  readonly head: number;
  readonly end: number;
  /** Octets of the body so far. */
  readonly octets: number;
  /** What content-length says, -1 without one. */
  readonly announced: number;
  readonly openedAt: number;
}): ReactNode {
  const { name, way, head, end, octets, announced, openedAt } = props;
  const share = announced > 0 ? Math.min(1, octets / announced) : end >= 0 ? 1 : 0;
  const of = announced >= 0 ? ` of ${bytes(announced)}` : '';
  return (
    <div>
      <dt>
        <span aria-hidden="true">{way}</span> {name}
      </dt>
      <dd>
        {head < 0 ? (
          <span className={css['late']}>has not begun</span>
        ) : (
          <>
            body {bytes(octets)}
            {of}, head at +{span(Math.max(0, head - openedAt) / 1000)},{' '}
            {end < 0 ? (
              <span className={css['late']}>not complete</span>
            ) : (
              `complete at +${span(Math.max(0, end - openedAt) / 1000)}`
            )}
          </>
        )}
      </dd>
      <span className={css['track']} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </div>
  );
}
