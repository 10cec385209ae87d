import type { FrameAnatomy, OctetField } from '@glassway/inspector-protocol';
import { type KeyboardEvent, memo, type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react';
import { Hostile } from '../../ui/hostile.tsx';
import css from './octets.module.css';

const ROW = 16;
/* More octets than anybody reads one by one would only make the page slow. */
const MAX_OCTETS = 4096;
const HIDDEN = 2;

/**
 * A frame's octets beside what they mean. Pointing at either, or moving through either with the arrow keys, marks the
 * other; a click keeps the mark.
 */
export function FrameOctets(props: { readonly id: string; readonly anatomy: FrameAnatomy }): ReactNode {
  const { id } = props;
  // The worker sends the same frame again ten times a second: what is drawn changes only with the frame or its octets.
  const key = `${id}/${props.anatomy.kept}/${props.anatomy.fields.length}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  const anatomy = useMemo(() => props.anatomy, [key]);
  const [pointed, setPointed] = useState<number | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const [cursor, setCursor] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another frame has other fields
  useEffect(() => {
    setPointed(null);
    setChosen(null);
    setCursor(0);
  }, [id]);
  const active = pointed ?? chosen;
  const at = (octet: number): number => anatomy.fields.findIndex(field => octet >= field.from && octet < field.to);
  const choose = (field: number | null): void => setChosen(field);
  return (
    <div className={css['both']}>
      <Meanings
        fields={anatomy.fields}
        active={active}
        onPoint={setPointed}
        onChoose={field => {
          choose(field);
          const from = anatomy.fields[field]?.from;
          if (from !== undefined) setCursor(from);
        }}
      />
      <Dump
        anatomy={anatomy}
        range={active === null ? null : (anatomy.fields[active] ?? null)}
        cursor={cursor}
        onPoint={octet => setPointed(octet === null ? null : at(octet))}
        onMove={octet => {
          setCursor(octet);
          choose(at(octet));
        }}
      />
    </div>
  );
}

function Meanings(props: {
  readonly fields: readonly OctetField[];
  readonly active: number | null;
  readonly onPoint: (field: number | null) => void;
  readonly onChoose: (field: number) => void;
}): ReactNode {
  const { fields, active, onPoint, onChoose } = props;
  const list = useRef<HTMLDivElement>(null);
  const name = useId();
  useEffect(() => {
    if (active !== null) list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    onChoose(Math.min(fields.length - 1, Math.max(0, (active ?? -step) + step)));
  };
  return (
    <div
      ref={list}
      className={css['meanings']}
      role="listbox"
      aria-label="Fields of the frame"
      tabIndex={0}
      aria-activedescendant={active === null ? undefined : `${name}${active}`}
      onKeyDown={onKey}
      onPointerLeave={() => onPoint(null)}
    >
      {fields.map((field, place) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: its keys are the list's
        <div
          key={`${field.from}${field.name}`}
          id={`${name}${place}`}
          role="option"
          aria-selected={place === active}
          className={css['meaning']}
          data-hidden={field.hidden ? '' : undefined}
          onPointerEnter={() => onPoint(place)}
          onClick={() => onChoose(place)}
        >
          <span className={css['place']}>{placeText(field)}</span>
          <span className={css['name']}>
            <Hostile text={field.name} />
          </span>
          <span className={css['value']}>
            {field.value === '' ? <i>not kept</i> : <Hostile text={field.value} title />}
            {field.note !== '' && (
              <span className={css['note']}>
                {' '}
                <Hostile text={field.note} />
              </span>
            )}
          </span>
        </div>
      ))}
    </div>
  );
}

function placeText({ from, to }: OctetField): string {
  return to - from === 1 ? String(from) : `${from}–${to - 1}`;
}

function Dump(props: {
  readonly anatomy: FrameAnatomy;
  readonly range: OctetField | null;
  readonly cursor: number;
  readonly onPoint: (octet: number | null) => void;
  readonly onMove: (octet: number) => void;
}): ReactNode {
  const { anatomy, range, cursor, onPoint, onMove } = props;
  const grid = useRef<HTMLDivElement>(null);
  const name = useId();
  const shown = Math.min(anatomy.octets.length, MAX_OCTETS);
  const rows = Math.ceil(shown / ROW);
  useEffect(() => {
    if (range !== null) grid.current?.children[Math.floor(range.from / ROW)]?.scrollIntoView({ block: 'nearest' });
  }, [range]);
  const onKey = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    onMove(Math.min(shown - 1, Math.max(0, cursor + step)));
  };
  const octetOf = (target: EventTarget): number | null => {
    const text = target instanceof HTMLElement ? target.dataset['at'] : undefined;
    return text === undefined ? null : Number(text);
  };
  const missing = missingText(anatomy, shown);
  return (
    <div className={css['side']}>
      <div
        ref={grid}
        className={css['dump']}
        role="grid"
        aria-label="Octets of the frame"
        aria-readonly="true"
        tabIndex={0}
        aria-activedescendant={`${name}${cursor}`}
        onKeyDown={onKey}
        onPointerOver={event => onPoint(octetOf(event.target))}
        onPointerLeave={() => onPoint(null)}
        onClick={event => {
          const octet = octetOf(event.target);
          if (octet !== null) onMove(octet);
        }}
      >
        {Array.from({ length: rows }, (_, row) => {
          const from = row * ROW;
          const to = Math.min(shown, from + ROW);
          const meets = range !== null && range.from < to && range.to > from;
          return (
            <DumpRow
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
              key={row}
              name={name}
              anatomy={anatomy}
              from={from}
              to={to}
              first={meets ? Math.max(from, range.from) : -1}
              last={meets ? Math.min(to, range.to) : -1}
              cursor={cursor >= from && cursor < to ? cursor : -1}
            />
          );
        })}
      </div>
      {missing !== '' && <p className={css['missing']}>{missing}</p>}
    </div>
  );
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowLeft: -1,
  ArrowDown: ROW,
  ArrowUp: -ROW,
  PageDown: 8 * ROW,
  PageUp: -8 * ROW,
  Home: Number.MIN_SAFE_INTEGER,
  End: Number.MAX_SAFE_INTEGER,
};

const DumpRow = memo(function DumpRow(props: {
  readonly name: string;
  readonly anatomy: FrameAnatomy;
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
  readonly cursor: number;
}): ReactNode {
  const { name, anatomy, from, to, first, last, cursor } = props;
  const places = Array.from({ length: to - from }, (_, at) => from + at);
  const mark = (at: number): string | undefined => (at >= first && at < last ? '' : undefined);
  return (
    <div className={css['row']} role="row">
      <span className={css['offset']} role="rowheader">
        {from.toString(16).padStart(4, '0')}
      </span>
      {places.map(at => (
        <span
          key={at}
          id={`${name}${at}`}
          role="gridcell"
          className={css['octet']}
          data-at={at}
          data-known={anatomy.known[at]}
          data-header={at < 9 ? '' : undefined}
          data-marked={mark(at)}
          data-cursor={at === cursor ? '' : undefined}
        >
          {octetText(anatomy, at)}
        </span>
      ))}
      {to - from < ROW && <span className={css['fill']} style={{ gridColumn: `span ${ROW - (to - from)}` }} />}
      <span className={css['text']} aria-hidden="true">
        {places.map(at => (
          <span key={at} data-at={at} data-known={anatomy.known[at]} data-marked={mark(at)}>
            {characterOf(anatomy, at)}
          </span>
        ))}
      </span>
    </div>
  );
});

function octetText({ octets, known }: FrameAnatomy, at: number): string {
  if (known[at] === HIDDEN) return '••';
  return known[at] === 1 ? octets[at]!.toString(16).padStart(2, '0') : '··';
}

function characterOf({ octets, known }: FrameAnatomy, at: number): string {
  if (known[at] === HIDDEN) return '•';
  const octet = octets[at]!;
  return known[at] === 1 && octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '·';
}

function missingText(anatomy: FrameAnatomy, shown: number): string {
  if (shown < anatomy.octets.length) return `The first ${MAX_OCTETS.toLocaleString('en')} octets of what was kept.`;
  let hidden = 0;
  for (const state of anatomy.known) if (state === HIDDEN) hidden++;
  return hidden === 0 ? '' : `${hidden} octets are hidden (••): they hold what is redacted.`;
}
