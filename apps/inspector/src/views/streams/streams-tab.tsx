import { Search } from 'lucide-react';
import { type ReactNode, useCallback } from 'react';
import { useColumns } from '../../app/columns.ts';
import { moveRow } from '../../app/move.ts';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { StreamScope, StreamSort } from '../../feed/model.ts';
import { count } from '../../text/format.ts';
import { ColumnMenu } from '../../ui/column-menu.tsx';
import { useSplit } from '../../ui/use-split.ts';
import { VirtualRows } from '../../ui/virtual-rows.tsx';
import { Dock } from './dock.tsx';
import { StreamHeader, StreamLine } from './stream-line.tsx';
import css from './streams.module.css';

const ROW = 27;
const SCOPES: readonly (readonly [StreamScope, string])[] = [
  ['all', 'All'],
  ['open', 'Open'],
  ['stuck', 'Stuck'],
];
const SORTS: readonly (readonly [StreamSort, string])[] = [
  ['stuck', 'stuck first'],
  ['newest', 'newest first'],
  ['oldest', 'oldest first'],
  ['slowest', 'longest first'],
  ['largest', 'largest first'],
];

/** The table of streams, and below it the windows and frames that explain it. */
export function StreamsTab(): ReactNode {
  const docked = useUi(ui => ui.dock);
  const h2 = useFeed(snapshot => snapshot.connection?.facts.protocol === 'h2');
  const dock = docked && h2;
  const [height, handle] = useSplit({
    key: 'glassway.dock',
    initial: Math.round(window.innerHeight * 0.46),
    min: 180,
    max: Math.max(220, window.innerHeight - 320),
    axis: 'y',
    grows: -1,
    label: 'Height of the windows and frames',
  });
  return (
    <>
      <Bar />
      <Table />
      {dock && (
        <>
          <div className={css['handle']} {...handle} />
          <div className={css['dock']} style={{ height }}>
            <Dock />
          </div>
        </>
      )}
    </>
  );
}

function Bar(): ReactNode {
  const scope = useUi(ui => ui.streamScope);
  const sort = useUi(ui => ui.streamSort);
  const search = useUi(ui => ui.streamSearch);
  const counts = useFeed(snapshot => snapshot.streams?.counts ?? null);
  return (
    <div className={css['bar']}>
      <div className={css['scopes']} role="group" aria-label="Which streams">
        {SCOPES.map(([value, label]) => (
          <button
            key={value}
            type="button"
            className={css['scope']}
            aria-pressed={scope === value}
            data-alarm={value === 'stuck' && (counts?.stuck ?? 0) > 0 ? '' : undefined}
            onClick={() => useUi.setState({ streamScope: value })}
          >
            {label} <span>{counts === null ? '' : count(counts[value])}</span>
          </button>
        ))}
      </div>
      <label className={css['search']}>
        <Search size={13} aria-hidden="true" />
        <input
          type="search"
          placeholder="Search path, method, status"
          aria-label="Search streams"
          value={search}
          onChange={event => useUi.setState({ streamSearch: event.target.value })}
        />
      </label>
      <select
        className={css['sort']}
        aria-label="Order"
        value={sort}
        onChange={event => useUi.setState({ streamSort: event.target.value as StreamSort })}
      >
        {SORTS.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <ColumnMenu table="streams" />
    </div>
  );
}

function Table(): ReactNode {
  const part = useFeed(snapshot => snapshot.streams);
  const selected = useUi(ui => ui.stream);
  const hidden = useColumns(state => state.hidden.streams).join(' ');
  const onWindow = useCallback((first: number, length: number) => {
    const streamRange = { first: Math.max(0, first - 4), length: length + 8 };
    const before = useUi.getState().streamRange;
    if (before.first !== streamRange.first || before.length !== streamRange.length) useUi.setState({ streamRange });
  }, []);
  if (part === null) return <div className={css['table']} />;
  const [from, to] = domain(part.rows);
  return (
    <div className={css['table']} data-hide={hidden}>
      <VirtualRows
        rows={part.total}
        base={0}
        rowHeight={ROW}
        follow={false}
        onWindow={onWindow}
        revealRow={selected === null || part.selectedIndex < 0 ? null : part.selectedIndex}
        revealKey={part.selected}
        label="Streams"
        columns={9}
        activeId={selected === null ? undefined : `stream-${selected.stream}`}
        header={<StreamHeader from={from} to={to} />}
        onKeyDown={event => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : null;
          if (step !== null && moveRow(step)) event.preventDefault();
        }}
      >
        {window => {
          const lines: ReactNode[] = [];
          for (let at = window.first; at < window.first + window.length; at++) {
            const row = part.rows[at - part.first];
            lines.push(
              row === undefined ? (
                <div key={at} className={css['line']} aria-hidden="true" />
              ) : (
                <StreamLine
                  key={at}
                  row={row}
                  index={at}
                  from={from}
                  to={to}
                  selected={selected?.stream === row.stream && selected.connection === row.connection}
                />
              ),
            );
          }
          return lines;
        }}
      </VirtualRows>
      {part.total === 0 && (
        <p className={css['none']}>
          {part.counts.all === 0
            ? 'No stream has been opened on this connection yet.'
            : 'No stream fits. Choose “All” or clear the search.'}
        </p>
      )}
    </div>
  );
}

/* The waterfall spans what is visible, so that neighbours can be compared. */
function domain(rows: readonly { readonly openedAt: number; readonly endAt: number }[]): readonly [number, number] {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const row of rows) {
    if (row.openedAt < 0) continue;
    from = Math.min(from, row.openedAt);
    to = Math.max(to, row.endAt);
  }
  return from > to ? [0, 1] : [from, Math.max(to, from + 1000)];
}
