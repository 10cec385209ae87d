import { memo, type ReactNode } from 'react';
import { openStream } from '../../app/ui-store.ts';
import type { Doubt, Phase, PhaseKind, StreamRow } from '../../feed/model.ts';
import { bytes, span } from '../../text/format.ts';
import { Badge } from '../../ui/badge.tsx';
import { Hostile } from '../../ui/hostile.tsx';
import ui from '../../ui/ui.module.css';
import { doubtText } from '../words.ts';
import css from './streams.module.css';

const COLUMNS = ['id', 'method', 'path', 'status', 'state', 'verdict', 'in', 'out'];

/** Words for the phases of the waterfall. */
export const PHASE_NAMES: Readonly<Record<PhaseKind, string>> = {
  request: 'request',
  waiting: 'waiting',
  sending: 'response',
  blocked: 'blocked',
  idle: 'silent',
};

/** The head of the table; its last column says which time the waterfall spans. */
export function StreamHeader(props: { readonly from: number; readonly to: number }): ReactNode {
  return (
    <div role="rowgroup">
      <div className={css['head']} role="row" aria-rowindex={1}>
        {COLUMNS.map(name => (
          <span key={name} role="columnheader" className={css[name]}>
            {name}
          </span>
        ))}
        <span role="columnheader" className={css['timeline']}>
          {`${(props.from / 1e6).toFixed(1)} – ${(props.to / 1e6).toFixed(1)} s`}
        </span>
      </div>
    </div>
  );
}

/** One stream. */
export const StreamLine = memo(function StreamLine(props: {
  readonly row: StreamRow;
  readonly index: number;
  readonly from: number;
  readonly to: number;
  readonly selected: boolean;
}): ReactNode {
  const { row } = props;
  const verdict = row.verdict;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the focus and the arrow keys
    <div
      id={`stream-${row.stream}`}
      className={css['line']}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      tabIndex={-1}
      onClick={() => openStream(row.connection, row.stream)}
    >
      <span role="gridcell" className={css['id']}>
        {row.stream}
      </span>
      <span role="gridcell" className={css['method']}>
        <Hostile text={row.method} />
      </span>
      <span role="gridcell" className={css['path']}>
        <Hostile text={row.path} title />
      </span>
      <span role="gridcell" className={css['status']} data-class={Math.floor(row.status / 100)}>
        {row.status === 0 ? '—' : row.status}
      </span>
      <span role="gridcell" className={css['state']}>
        {row.stateText}
      </span>
      <span role="gridcell" className={css['verdict']}>
        {verdict === null ? (
          <span className={css['stateAgain']}>{row.stateText}</span>
        ) : (
          <Badge tone={verdict.tone} title={verdict.sentence.map(part => part.text).join('')}>
            {verdict.short}
          </Badge>
        )}
      </span>
      <span role="gridcell" className={css['in']}>
        <Carried octets={row.received} doubt={row.doubt} />
      </span>
      <span role="gridcell" className={css['out']}>
        <Carried octets={row.sent} doubt={row.doubt} />
      </span>
      <span role="gridcell" className={css['timeline']}>
        <Waterfall phases={row.phases} from={props.from} to={props.to} />
      </span>
    </div>
  );
});

/* In the past some numbers are not certain, and say so. */
function Carried(props: { readonly octets: number; readonly doubt: Doubt | null }): ReactNode {
  if (props.doubt === null) return bytes(props.octets);
  return (
    <span title={doubtText(props.doubt)}>
      <span aria-hidden="true">≈ </span>
      <span className={ui['srOnly']}>about </span>
      {bytes(props.octets)}
    </span>
  );
}

/** A stream's phases over time. */
export function Waterfall(props: {
  readonly phases: readonly Phase[];
  readonly from: number;
  readonly to: number;
}): ReactNode {
  const width = Math.max(1, props.to - props.from);
  const parts = props.phases.map(phase => `${PHASE_NAMES[phase.kind]} ${span((phase.to - phase.from) / 1000)}`);
  const text = parts.length === 0 ? 'just opened' : parts.join(', ');
  return (
    <svg className={css['waterfall']} viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label={text}>
      <title>{text}</title>
      {props.phases.map(phase => {
        const left = ((phase.from - props.from) / width) * 1000;
        const long = ((phase.to - phase.from) / width) * 1000;
        return (
          <rect
            key={phase.from}
            data-phase={phase.kind}
            x={Math.min(986, left)}
            y={phase.kind === 'waiting' ? 3.2 : phase.kind === 'blocked' || phase.kind === 'idle' ? 1.6 : 0}
            width={Math.max(14, long)}
            height={phase.kind === 'waiting' ? 3.6 : phase.kind === 'blocked' || phase.kind === 'idle' ? 6.8 : 10}
          />
        );
      })}
    </svg>
  );
}
