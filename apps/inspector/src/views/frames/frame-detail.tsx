import { FLAGS, FrameType, frameName, hexNumber, isContent } from '@glassway/inspector-protocol';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { openStream, selectConnection, useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { FrameDetail } from '../../feed/model.ts';
import { count, stamp } from '../../text/format.ts';
import { Button } from '../../ui/button.tsx';
import { LinkButton } from '../../ui/link-button.tsx';
import { FieldTable } from '../drawer/field-table.tsx';
import { legText } from '../words.ts';
import { DirectionArrow, FrameTypeName } from './frame-type.tsx';
import css from './frames.module.css';
import { FrameOctets } from './octets.tsx';

const { HEADERS, PUSH_PROMISE, CONTINUATION } = FrameType;
const END_HEADERS = 0x4;

/** The selected frame, decoded. */
export function FrameDetailPane(): ReactNode {
  const frame = useFeed(snapshot => snapshot.frame);
  const close = (): void => useUi.setState({ frame: null });
  if (frame === null) {
    return (
      <div className={css['detailHead']}>
        <span>This frame has been overwritten in the log.</span>
        <span className={css['spring']} />
        <Button icon small bare aria-label="Close" onClick={close}>
          <X size={14} />
        </Button>
      </div>
    );
  }
  return (
    <>
      <div className={css['detailHead']}>
        <DirectionArrow direction={frame.direction} />
        <FrameTypeName type={frame.type} />
        <span>
          {count(frame.length)} octets on{' '}
          <LinkButton onClick={() => selectConnection(frame.connection)}>connection {frame.connection}</LinkButton>
          {frame.stream > 0 && (
            <>
              ,{' '}
              <LinkButton onClick={() => openStream(frame.connection, frame.stream)}>stream {frame.stream}</LinkButton>
            </>
          )}
        </span>
        <span className={css['spring']} />
        <Button icon small bare aria-label="Close the frame’s detail" title="Close (Esc)" onClick={close}>
          <X size={14} />
        </Button>
      </div>
      <div className={css['detailBody']}>
        <div className={css['wire']}>
          <FrameOctets id={String(frame.seq)} anatomy={frame.anatomy} />
          <Missing frame={frame} />
        </div>
        <dl className={css['facts']}>
          {facts(frame).map(([name, value, note]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                {value}
                {note !== '' && <span className={css['note']}> {note}</span>}
              </dd>
            </div>
          ))}
        </dl>
        {frame.section !== null && !isWhole(frame) && (
          <div className={css['detailFields']}>
            <FieldTable section={frame.section} change={undefined} />
          </div>
        )}
      </div>
    </>
  );
}

/* The fields stand beside their octets, unless the block went on in other frames. */
function isWhole(frame: FrameDetail): boolean {
  return (frame.flags & END_HEADERS) !== 0 && frame.section?.fieldsOmitted === 0;
}

/* What was not kept, and why. */
function Missing(props: { readonly frame: FrameDetail }): ReactNode {
  const sampled = useFeed(snapshot => snapshot.gateway?.payloadBytes ?? 0);
  const text = missingText(props.frame, sampled);
  return text === '' ? null : <p className={css['missing']}>{text}</p>;
}

function missingText({ type, flags, length, anatomy }: FrameDetail, sampled: number): string {
  const { kept } = anatomy;
  const hidden = anatomy.known.reduce((sum, state) => sum + (state === 2 ? 1 : 0), 0);
  if (kept + hidden >= length) return '';
  if (kept > 0) return `${count(kept)} of ${count(length)} octets of the payload were kept.`;
  if (type === CONTINUATION || ((type === HEADERS || type === PUSH_PROMISE) && (flags & END_HEADERS) === 0))
    return 'Octets of a field block in several frames are not kept: what in it is secret is known only at its end.';
  if (isContent(type) && sampled === 0)
    return 'Octets of bodies are not kept. The gateway keeps the first 256 of every DATA frame when it is started with --inspector-payloads 256.';
  return 'The octets of this frame were not kept, or are gone: too much came at once, or its stream has had its share.';
}

type Fact = readonly [name: string, value: string, note: string];

function facts(frame: FrameDetail): readonly Fact[] {
  const list: Fact[] = [
    ['time', `${stamp(frame.t)} s`, `frame ${count(frame.seq)} of the gateway’s log`],
    ['leg', legText(frame.leg), frame.direction === 1 ? 'sent by the gateway' : 'received by the gateway'],
    ['type', frameName(frame.type), hexNumber(frame.type, 2)],
    ['flags', hexNumber(frame.flags, 2), flagText(frame)],
    ...windows(frame),
  ];
  if ((frame.mark & 1) !== 0) list.push(['violation', 'yes', 'this frame broke a rule; the Overview tells which']);
  if ((frame.mark & 2) !== 0) list.push(['stall', 'yes', 'the stream could not send for a while before this frame']);
  if (frame.injected) list.push(['injected', 'yes', 'by an operator']);
  if (frame.section === null && (frame.mark & 8) !== 0)
    list.push(['fields', 'not kept', 'too old, or dropped on the way here']);
  return list;
}

function flagText(frame: FrameDetail): string {
  const meanings = FLAGS.filter(flag => flag.types.includes(frame.type)).map(flag =>
    (frame.flags & flag.bit) !== 0 ? flag.name : `no ${flag.name}`,
  );
  return meanings.join(', ');
}

function windows(frame: FrameDetail): readonly Fact[] {
  const receiving = (frame.type === 0 && frame.direction === 0) || (frame.type === 8 && frame.direction === 1);
  const side = receiving ? 'what the peer may still send' : 'what the gateway may still send';
  const list: Fact[] = [['connection window', count(frame.connectionWindow), `after it; ${side}`]];
  if (frame.stream > 0) list.push(['stream window', count(frame.streamWindow), 'after it']);
  return list;
}
