import type { ReactNode } from 'react';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import ui from '../../ui/ui.module.css';
import css from './windows.module.css';

/** Custom properties of the stream lines, in order; dashes differ too. */
export const STREAM_COLOURS: readonly string[] = [
  '--t-headers',
  '--t-ping',
  '--t-settings',
  '--t-goaway',
  '--t-priority',
];
/** Dash patterns of the stream lines. */
export const STREAM_DASHES: readonly (readonly number[])[] = [
  [5, 3],
  [2, 3],
  [8, 3, 2, 3],
  [1, 2],
  [10, 4],
];

/** What the lines and marks of the chart mean. */
export function WindowLegend(): ReactNode {
  const part = useFeed(snapshot => snapshot.windows);
  return (
    <ul className={css['legend']}>
      <li>
        <Swatch property="--t-data" dash={[]} /> connection
      </li>
      {(part?.streams ?? []).map(({ stream }, at) => (
        <li key={stream}>
          <Swatch property={STREAM_COLOURS[at]!} dash={STREAM_DASHES[at]!} /> stream {stream}
        </li>
      ))}
      <li>
        <span className={css['mark']} aria-hidden="true">
          ▲
        </span>{' '}
        WINDOW_UPDATE
      </li>
      {(part?.spans.length ?? 0) > 0 && (
        <li>
          <span className={css['stall']} aria-hidden="true" /> stalled
        </li>
      )}
    </ul>
  );
}

function Swatch(props: { readonly property: string; readonly dash: readonly number[] }): ReactNode {
  return (
    <svg width="20" height="8" aria-hidden="true">
      <line
        x1="0"
        y1="4"
        x2="20"
        y2="4"
        strokeWidth="2"
        strokeDasharray={props.dash.join(' ')}
        style={{ stroke: `var(${props.property})` }}
      />
    </svg>
  );
}

/** Which side's windows are shown, and the switch. */
export function WindowSide(): ReactNode {
  const direction = useUi(ui => ui.windowDirection);
  return (
    <div className={ui['choices']} role="group" aria-label="Whose window">
      <button
        type="button"
        aria-pressed={direction === 1}
        title="What the gateway may still send"
        onClick={() => useUi.setState({ windowDirection: 1 })}
      >
        Send window
      </button>
      <button
        type="button"
        aria-pressed={direction === 0}
        title="What the peer may still send to the gateway"
        onClick={() => useUi.setState({ windowDirection: 0 })}
      >
        Receive window
      </button>
    </div>
  );
}
