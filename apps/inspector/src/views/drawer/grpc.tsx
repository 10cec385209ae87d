import {
  grpcStatusMeaning,
  grpcStatusName,
  hexOctets,
  type WireField,
  type WireMessage,
} from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { GrpcCall, GrpcMessageRow, GrpcOpenMessage } from '../../feed/model.ts';
import { bytes, count, plural, span } from '../../text/format.ts';
import { Hostile } from '../../ui/hostile.tsx';
import { Block } from './block.tsx';
import css from './grpc.module.css';

/* Octets of a message shown in hexadecimal when they cannot be read. */
const SHOWN_OCTETS = 256;

/** A call of gRPC: its deadline, how it ended, and every message with its octets as far as they were kept. */
export function GrpcBlock(props: { readonly call: GrpcCall; readonly openedAt: number }): ReactNode {
  const { call, openedAt } = props;
  return (
    <Block title="gRPC messages">
      <p className={css['facts']}>
        <Status call={call} />
        <span>
          {call.timeout === null ? (
            'no deadline'
          ) : (
            <>
              deadline{' '}
              <Hostile text={call.timeout.text === '' ? `malformed: ${call.timeout.value}` : call.timeout.text} />
            </>
          )}
        </span>
        <span>
          ← {plural(call.received, 'message')} · → {plural(call.sent, 'message')}
        </span>
        {call.encodings.some(encoding => encoding !== '') && (
          <span>
            encoding <Hostile text={[...new Set(call.encodings.filter(each => each !== ''))].join(', ')} />
          </span>
        )}
      </p>
      {call.message !== '' && (
        <p className={css['message']}>
          <Hostile text={call.message} />
        </p>
      )}
      {call.omitted > 0 && <p className={css['quiet']}>{plural(call.omitted, 'message')} before these are not kept.</p>}
      {call.messages.length === 0 ? (
        <p className={css['quiet']}>No message has begun while the gateway recorded.</p>
      ) : (
        <ol className={css['list']}>
          {call.messages.map(message => (
            <Message
              key={`${message.direction}${message.number}`}
              message={message}
              open={
                call.open?.direction === message.direction && call.open.number === message.number ? call.open : null
              }
              openedAt={openedAt}
            />
          ))}
        </ol>
      )}
    </Block>
  );
}

function Status(props: { readonly call: GrpcCall }): ReactNode {
  const { status } = props.call;
  if (status < 0) return <span>no status yet</span>;
  return (
    <b className={css['status']} data-ok={status === 0 ? '' : undefined} title={grpcStatusMeaning(status)}>
      {grpcStatusName(status)}
      {status > 0 && <span> {grpcStatusMeaning(status)}</span>}
    </b>
  );
}

function Message(props: {
  readonly message: GrpcMessageRow;
  readonly open: GrpcOpenMessage | null;
  readonly openedAt: number;
}): ReactNode {
  const { message, open, openedAt } = props;
  const { direction, number } = message;
  const toggle = (): void => useUi.setState({ message: open === null ? { direction, number } : null });
  return (
    <li className={css['item']}>
      <button type="button" className={css['row']} aria-expanded={open !== null} onClick={toggle}>
        <span className={css['way']} data-direction={direction}>
          {direction === 0 ? '←' : '→'}
        </span>
        <span className={css['number']}>{message.trailers ? 'trailers' : `#${number}`}</span>
        <span className={css['length']}>{bytes(message.length)}</span>
        <span className={css['time']}>+{span(Math.max(0, message.t - openedAt) / 1000)}</span>
        <span className={css['state']}>
          {message.compressed && <i>compressed</i>} <Progress message={message} />
        </span>
      </button>
      {open !== null && <Opened open={open} length={message.length} compressed={message.compressed} />}
    </li>
  );
}

function Progress(props: { readonly message: GrpcMessageRow }): ReactNode {
  const { t, endAt } = props.message;
  if (endAt < 0) return <em>not complete</em>;
  return endAt - t < 1000 ? '' : `took ${span((endAt - t) / 1000)}`;
}

function Opened(props: {
  readonly open: GrpcOpenMessage;
  readonly length: number;
  readonly compressed: boolean;
}): ReactNode {
  const { open, length, compressed } = props;
  const sampled = useFeed(snapshot => snapshot.gateway?.payloadBytes ?? 0);
  const kept = open.octets.length;
  if (length === 0) return <p className={css['quiet']}>An empty message: every field has its default.</p>;
  if (kept === 0) {
    return (
      <p className={css['quiet']}>
        {sampled === 0
          ? 'Octets of bodies are not kept: start the gateway with --inspector-payloads 1024 to see what messages hold.'
          : 'The octets of this message were not kept, or are gone.'}
      </p>
    );
  }
  return (
    <div className={css['opened']}>
      {kept < length && (
        <p className={css['quiet']}>
          {count(kept)} of {count(length)} octets were kept.
        </p>
      )}
      {open.protobuf !== null ? (
        <Wire message={open.protobuf} octets={open.octets} />
      ) : open.text !== null ? (
        <pre className={css['octets']}>
          <Hostile text={open.text} />
        </pre>
      ) : (
        <>
          {compressed && <p className={css['quiet']}>Compressed: shown as it is on the wire.</p>}
          <Hex octets={open.octets} />
        </>
      )}
    </div>
  );
}

function Wire(props: { readonly message: WireMessage; readonly octets: Uint8Array }): ReactNode {
  const { message, octets } = props;
  return (
    <>
      {message.fields.length > 0 && <Fields fields={message.fields} />}
      {message.problem !== '' && (
        <p className={css['quiet']}>
          {message.fields.length === 0 ? 'This is no Protocol Buffer' : `After octet ${count(message.read)}`}:{' '}
          {message.problem}.
        </p>
      )}
      {message.fields.length === 0 && <Hex octets={octets} />}
    </>
  );
}

const WIRE_TYPES: Readonly<Record<number, string>> = { 0: 'varint', 1: '64 bits', 2: 'length', 5: '32 bits' };

function Fields(props: { readonly fields: readonly WireField[] }): ReactNode {
  return (
    <ul className={css['fields']}>
      {props.fields.map(field => (
        <li key={field.from}>
          <span className={css['field']}>
            <b>{field.number}</b>
            <span className={css['wire']}>{WIRE_TYPES[field.wireType]}</span>
            <span className={css['value']}>
              <Hostile text={field.value} title />
              {field.note !== '' && <span className={css['note']}> {field.note}</span>}
            </span>
          </span>
          {field.fields !== null && <Fields fields={field.fields} />}
        </li>
      ))}
    </ul>
  );
}

function Hex(props: { readonly octets: Uint8Array }): ReactNode {
  const shown = props.octets.subarray(0, SHOWN_OCTETS);
  const rows: string[] = [];
  for (let at = 0; at < shown.length; at += 16) {
    rows.push(hexOctets(shown.subarray(at, at + 16), ' '));
  }
  return <pre className={css['octets']}>{rows.join('\n')}</pre>;
}
