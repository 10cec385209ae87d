import { Search } from 'lucide-react';
import { memo, type ReactNode, useCallback, useState } from 'react';
import { selectConnection, useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { ConnectionRow } from '../../feed/model.ts';
import { age, count } from '../../text/format.ts';
import { Badge } from '../../ui/badge.tsx';
import { Hostile } from '../../ui/hostile.tsx';
import { Sparkline } from '../../ui/sparkline.tsx';
import ui from '../../ui/ui.module.css';
import { VirtualRows } from '../../ui/virtual-rows.tsx';
import { healthTone, legText, negotiationText, streamsText, tlsText, workerText } from '../words.ts';
import css from './connection-list.module.css';

const ROW = 74;

/** All connections, open ones first; closed ones stay. */
export function ConnectionList(): ReactNode {
  const rows = useFeed(snapshot => snapshot.connections);
  const selected = useUi(state => state.connection);
  const [search, setSearch] = useState('');
  const found = search.trim() === '' ? rows : rows.filter(row => mentions(row, search.trim().toLowerCase()));
  const open = rows.filter(row => row.closedAt < 0).length;
  const at = found.findIndex(row => row.id === selected);
  const ignore = useCallback(() => {}, []);
  return (
    <>
      <header className={css['head']}>
        <h2 className={ui['eyebrow']}>Connections</h2>
        <span className={css['counts']}>
          {count(open)} open · {count(rows.length - open)} closed
        </span>
      </header>
      <label className={css['search']}>
        <Search size={13} aria-hidden="true" />
        <input
          type="search"
          placeholder="Search peer, protocol, state"
          aria-label="Search connections"
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </label>
      {found.length === 0 && <p className={css['none']}>No connection mentions this.</p>}
      <VirtualRows
        rows={found.length}
        base={0}
        rowHeight={ROW}
        follow={false}
        onWindow={ignore}
        revealRow={at < 0 ? null : at}
        revealKey={selected}
        role="listbox"
        label="Connections"
        activeId={selected === null ? undefined : `connection-${selected}`}
        onKeyDown={event => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          const next = found[at < 0 ? 0 : at + step];
          if (step === 0 || next === undefined) return;
          event.preventDefault();
          selectConnection(next.id);
        }}
      >
        {window =>
          found
            .slice(window.first, window.first + window.length)
            .map(row => <Row key={row.id} row={row} selected={row.id === selected} />)
        }
      </VirtualRows>
    </>
  );
}

const Row = memo(function Row(props: { readonly row: ConnectionRow; readonly selected: boolean }): ReactNode {
  const { row } = props;
  const now = useFeed(snapshot => Math.floor(snapshot.now / 1e6));
  const until = row.closedAt >= 0 ? row.closedAt : now * 1e6;
  const facts = [
    row.protocol === 'http/1.1' ? 'HTTP/1.1' : negotiationText(row),
    row.tls === null ? '' : tlsText(row.tls),
    row.closedAt >= 0 ? `${count(row.totalStreams)} in all` : streamsText(row),
    age((until - row.openedAt) / 1000),
    workerText(row.worker),
  ].filter(text => text !== '');
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the focus and the arrow keys
    <div
      id={`connection-${row.id}`}
      className={css['row']}
      role="option"
      aria-selected={props.selected}
      data-closed={row.closedAt >= 0 ? '' : undefined}
      onClick={() => selectConnection(row.id)}
    >
      <div className={css['line']}>
        <span className={css['id']}>{row.id}</span>
        <span className={css['leg']}>{legText(row.leg)}</span>
        <Badge tone={healthTone(row.health)} title={row.sentence}>
          {row.verdict}
        </Badge>
      </div>
      <div className={css['line']}>
        <span className={css['peer']}>
          <Hostile text={row.peer} title />
        </span>
        {row.rate.length > 0 && (
          <Sparkline
            values={row.rate}
            width={58}
            height={16}
            label={row.protocol === 'http/1.1' ? 'Kilobytes per second' : 'Frames per second'}
          />
        )}
      </div>
      <div className={css['facts']} title={facts.join(' · ')}>
        {facts.join(' · ')}
      </div>
    </div>
  );
});

function mentions(row: ConnectionRow, needle: string): boolean {
  const words = [
    `#${row.id}`,
    String(row.id),
    row.peer,
    row.local,
    legText(row.leg),
    workerText(row.worker),
    negotiationText(row),
    row.verdict,
    row.health,
  ];
  if (row.tls !== null) words.push(tlsText(row.tls), row.tls.cipher, row.tls.servername);
  return words.some(word => word.toLowerCase().includes(needle));
}
