import { StateNumber } from '@glassway/inspector-protocol';
import type { ReactNode } from 'react';
import { span } from '../../text/format.ts';
import css from './drawer.module.css';

const { IDLE, RESERVED_LOCAL, RESERVED_REMOTE, OPEN, CLOSED } = StateNumber;
const { HALF_CLOSED_LOCAL: HALF_LOCAL, HALF_CLOSED_REMOTE: HALF_REMOTE } = StateNumber;

interface Box {
  readonly state: number;
  readonly label: readonly string[];
  readonly x: number;
  readonly y: number;
}

const WIDTH = 68;
const HEIGHT = 32;
/* Columns 0..3 from left to right; the reserved states are drawn only for streams that were pushed. */
const BOXES: readonly Box[] = [
  { state: IDLE, label: ['idle'], x: 2, y: 42 },
  { state: OPEN, label: ['open'], x: 86, y: 42 },
  { state: HALF_LOCAL, label: ['half-closed', '(local)'], x: 170, y: 6 },
  { state: HALF_REMOTE, label: ['half-closed', '(remote)'], x: 170, y: 78 },
  { state: CLOSED, label: ['closed'], x: 254, y: 42 },
];
const PUSHED: readonly Box[] = [
  { state: RESERVED_LOCAL, label: ['reserved', '(local)'], x: 86, y: 78 },
  { state: RESERVED_REMOTE, label: ['reserved', '(remote)'], x: 86, y: 6 },
];
const EDGES: readonly (readonly [from: number, to: number])[] = [
  [IDLE, OPEN],
  [OPEN, HALF_LOCAL],
  [OPEN, HALF_REMOTE],
  [OPEN, CLOSED],
  [HALF_LOCAL, CLOSED],
  [HALF_REMOTE, CLOSED],
  [IDLE, RESERVED_LOCAL],
  [IDLE, RESERVED_REMOTE],
  [RESERVED_LOCAL, HALF_REMOTE],
  [RESERVED_REMOTE, HALF_LOCAL],
];

/** RFC 9113 5.1 as a picture: the way the stream took is drawn strong, where it is now is filled. */
export function StateDiagram(props: {
  readonly state: number;
  readonly path: readonly { readonly state: number; readonly t: number }[];
}): ReactNode {
  const { state, path } = props;
  const seen = new Set([...path.map(step => step.state), state]);
  const pushed = seen.has(RESERVED_LOCAL) || seen.has(RESERVED_REMOTE);
  const boxes = pushed ? [...BOXES, ...PUSHED] : BOXES;
  const walked = new Set(path.slice(1).map((step, at) => `${path[at]?.state}-${step.state}`));
  const start = path[0]?.t ?? 0;
  return (
    <figure className={css['diagram']}>
      <svg viewBox="0 0 324 116" role="img" aria-label={describe(path, state)}>
        {EDGES.map(([from, to]) => {
          const a = boxes.find(box => box.state === from);
          const b = boxes.find(box => box.state === to);
          if (a === undefined || b === undefined) return null;
          const y1 = a.y + HEIGHT / 2;
          const y2 = b.y + HEIGHT / 2;
          const bend = (a.x + WIDTH + b.x) / 2;
          return (
            <path
              key={`${from}-${to}`}
              className={css['edge']}
              data-walked={walked.has(`${from}-${to}`) ? '' : undefined}
              d={`M${a.x + WIDTH} ${y1}C${bend} ${y1} ${bend} ${y2} ${b.x} ${y2}`}
            />
          );
        })}
        {boxes.map(box => (
          <g
            key={box.state}
            className={css['box']}
            data-now={box.state === state ? '' : undefined}
            data-seen={seen.has(box.state) ? '' : undefined}
          >
            <rect x={box.x} y={box.y} width={WIDTH} height={HEIGHT} rx={5} />
            {box.label.map((line, at) => (
              <text
                key={line}
                x={box.x + WIDTH / 2}
                y={box.y + HEIGHT / 2 + (box.label.length === 1 ? 4 : at * 11 - 2)}
                textAnchor="middle"
              >
                {line}
              </text>
            ))}
          </g>
        ))}
      </svg>
      <figcaption className={css['path']}>
        {path.slice(1).map(step => (
          <span key={`${step.state}/${step.t}`}>
            {nameOf(step.state)} {step.t > start ? `after ${span((step.t - start) / 1000)}` : 'at once'}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function nameOf(state: number): string {
  return [...BOXES, ...PUSHED].find(box => box.state === state)?.label.join(' ') ?? String(state);
}

function describe(path: readonly { readonly state: number }[], state: number): string {
  const way = path.map(step => nameOf(step.state)).join(', then ');
  return `State ${nameOf(state)}${way === '' ? '' : `; went through ${way}`}`;
}
