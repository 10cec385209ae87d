import type { ReactNode } from 'react';
import { openStream, shownWindows, useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { ConnectionDetail } from '../../feed/model.ts';
import { bytes, count, span } from '../../text/format.ts';
import { SpanChoice } from '../../ui/span-choice.tsx';
import ui from '../../ui/ui.module.css';
import { WindowChart } from './window-chart.tsx';
import { WindowLegend, WindowSide } from './window-legend.tsx';
import css from './windows.module.css';

const OFFERED = 24;

/** Windows over time, who holds them, and which streams to draw. */
export function WindowsTab(): ReactNode {
  const detail = useFeed(snapshot => snapshot.connection);
  if (detail?.facts.protocol === 'http/1.1') {
    return <p className={css['none']}>HTTP/1.1 has no flow-control windows; its back pressure is the socket’s.</p>;
  }
  return (
    <div className={css['tab']}>
      <div className={css['head']}>
        <WindowSide />
        <WindowLegend />
        <SpanChoice />
      </div>
      <div className={css['big']}>
        <WindowChart />
      </div>
      <p className={css['hint']}>Drag over the chart to zoom, double click to come back.</p>
      {detail !== null && <Now detail={detail} />}
      <Choice />
    </div>
  );
}

function Now(props: { readonly detail: ConnectionDetail }): ReactNode {
  const { state } = props.detail;
  const now = useFeed(snapshot => snapshot.now);
  const stalled = state.blocked === 1 ? ` since ${span((now - state.blockedSince) / 1000)}` : '';
  return (
    <dl className={css['now']}>
      <div data-alarm={state.sendWindow <= 0 && state.blocked === 1 ? '' : undefined}>
        <dt>may send</dt>
        <dd>{count(state.sendWindow)}</dd>
      </div>
      <div>
        <dt>peer may send</dt>
        <dd>{count(state.receiveWindow)}</dd>
      </div>
      <div data-alarm={state.blockedStreams > 0 ? '' : undefined}>
        <dt>streams waiting for it</dt>
        <dd>
          {count(state.blockedStreams)}
          {stalled}
        </dd>
      </div>
      <div>
        <dt>held back by the gateway</dt>
        <dd>{bytes(state.withheldBytes)}</dd>
      </div>
    </dl>
  );
}

/* Streams to add to the chart: of the table's present order, the first few. */
function Choice(): ReactNode {
  const part = useFeed(snapshot => snapshot.streams);
  const chosen = useUi(state => state.windowStreams);
  const open = useUi(state => state.stream);
  const connection = useUi(state => state.connection);
  const shown = useUi(shownText);
  const rows = (part?.rows ?? []).slice(0, OFFERED);
  if (rows.length === 0) return null;
  const toggle = (stream: number): void => {
    const next = chosen.includes(stream) ? chosen.filter(other => other !== stream) : [...chosen, stream].slice(-5);
    useUi.setState({ windowStreams: next });
  };
  return (
    <section className={css['choice']}>
      <h3 className={ui['eyebrow']}>Streams in the chart</h3>
      <div className={css['chips']}>
        {rows.map(row => {
          const inDrawer = open?.stream === row.stream && open.connection === connection;
          return (
            <button
              key={row.stream}
              type="button"
              className={css['chip']}
              aria-pressed={shown.split(',').includes(String(row.stream))}
              disabled={inDrawer}
              title={inDrawer ? 'The stream in the pane on the right is always drawn' : `${row.method} ${row.path}`}
              onClick={() => toggle(row.stream)}
              onDoubleClick={() => openStream(row.connection, row.stream)}
            >
              {row.stream}
            </button>
          );
        })}
      </div>
    </section>
  );
}

function shownText(state: Parameters<typeof shownWindows>[0]): string {
  return shownWindows(state).join();
}
