import { flagNames } from '@glassway/inspector-protocol';
import { type KeyboardEvent, type MouseEvent, memo, type ReactNode, useCallback } from 'react';
import { useColumns } from '../../app/columns.ts';
import { copyPicked, extendPick, isPicked, pick, pickAll } from '../../app/frame-picks.ts';
import { moveFrame } from '../../app/move.ts';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import type { FrameRow, FramesSlot } from '../../feed/model.ts';
import { count, stamp } from '../../text/format.ts';
import { Hostile } from '../../ui/hostile.tsx';
import { VirtualRows } from '../../ui/virtual-rows.tsx';
import { DirectionArrow, FrameTypeName } from './frame-type.tsx';
import css from './frames.module.css';

const ROW = 24;
const OVERSCAN = 8;
const COLUMNS = ['t (s)', '', 'type', 'stream', 'flags', 'length', 'detail'];

/** A list of frames: only what is visible exists, whatever the length of the log. */
export function FrameGrid(props: { readonly slot: FramesSlot; readonly showConnection: boolean }): ReactNode {
  const { slot, showConnection } = props;
  const part = useFeed(snapshot => snapshot.frames[slot]);
  const tabFollows = useUi(ui => ui.follow);
  const selected = useUi(ui => ui.frame);
  const picked = useUi(ui => ui.picked);
  const hidden = useColumns(state => state.hidden.frames).join(' ');
  const follow = slot === 'drawer' ? true : tabFollows;

  const onWindow = useCallback(
    (first: number, length: number) => {
      const range = { first: Math.max(0, first - OVERSCAN), length: length + 2 * OVERSCAN };
      const { frameRanges } = useUi.getState();
      const before = frameRanges[slot];
      if (before.first !== range.first || before.length !== range.length) {
        useUi.setState({ frameRanges: { ...frameRanges, [slot]: range } });
      }
    },
    [slot],
  );
  const onFollow = useCallback((next: boolean) => {
    if (useUi.getState().follow !== next) useUi.setState({ follow: next });
  }, []);

  const byOrdinal = new Map((part?.rows ?? []).map(row => [row.ordinal, row]));
  const base = part?.base ?? 0;
  return (
    <div
      className={css['grid']}
      data-connection={showConnection ? '' : undefined}
      data-slot={slot}
      data-hide={slot === 'tab' ? hidden : undefined}
    >
      <VirtualRows
        rows={part?.total ?? 0}
        base={base}
        rowHeight={ROW}
        follow={follow}
        {...(slot === 'tab' ? { onFollow } : {})}
        onWindow={onWindow}
        revealRow={part === null || follow || part.selectedIndex < 0 ? null : part.selectedIndex}
        revealKey={part?.selected ?? null}
        label="Frames"
        columns={showConnection ? COLUMNS.length + 1 : COLUMNS.length}
        activeId={selected === null ? undefined : `frame-${slot}-${selected}`}
        header={<Head showConnection={showConnection} />}
        {...(slot === 'tab' ? { onKeyDown: onGridKey, multiple: true } : {})}
      >
        {window => {
          const lines: ReactNode[] = [];
          for (let at = window.first; at < window.first + window.length; at++) {
            const row = byOrdinal.get(base + at);
            lines.push(
              row === undefined ? (
                <div key={base + at} className={css['line']} aria-hidden="true" />
              ) : (
                <Line
                  key={base + at}
                  row={row}
                  slot={slot}
                  index={at}
                  showConnection={showConnection}
                  selected={part !== null && at === part.selectedIndex}
                  picked={slot === 'tab' && picked.length > 0 && isPicked(picked, row)}
                />
              ),
            );
          }
          return lines;
        }}
      </VirtualRows>
      {part !== null && part.total === 0 && <Nothing />}
    </div>
  );
}

function onGridKey(event: KeyboardEvent): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : null;
  const key = event.ctrlKey || event.metaKey ? event.key.toLowerCase() : '';
  let done = true;
  if (step !== null) done = event.shiftKey ? extendPick(step) : moveAlone(step);
  else if (key === 'a') pickAll();
  // Text that was marked with the mouse is copied as text.
  else if (key === 'c' && getSelection()?.isCollapsed !== false) done = copyPicked();
  else if (event.key === 'Escape' && useUi.getState().picked.length > 0) useUi.setState({ picked: [] });
  else done = false;
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
}

function moveAlone(step: 1 | -1): boolean {
  if (useUi.getState().picked.length > 0) useUi.setState({ picked: [] });
  useUi.setState({ pickedFrom: null });
  return moveFrame(step);
}

function Head(props: { readonly showConnection: boolean }): ReactNode {
  const names = props.showConnection ? [...COLUMNS.slice(0, 2), 'conn', ...COLUMNS.slice(2)] : COLUMNS;
  return (
    <div role="rowgroup">
      <div className={css['head']} role="row" aria-rowindex={1}>
        {names.map(name => (
          <span key={name} role="columnheader" data-column={name === '' ? 'direction' : name.split(' ')[0]}>
            {name === '' ? <span className={css['srOnly']}>direction</span> : name}
          </span>
        ))}
      </div>
    </div>
  );
}

const Line = memo(function Line(props: {
  readonly row: FrameRow;
  readonly slot: FramesSlot;
  readonly index: number;
  readonly showConnection: boolean;
  readonly selected: boolean;
  readonly picked: boolean;
}): ReactNode {
  const { row } = props;
  const select = (event: MouseEvent): void => {
    if (props.slot === 'tab') pick(row, { more: event.ctrlKey || event.metaKey, range: event.shiftKey });
    else useUi.setState({ frame: row.row });
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the focus and the arrow keys
    <div
      id={`frame-${props.slot}-${row.row}`}
      className={css['line']}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.selected || props.picked}
      data-picked={props.picked ? '' : undefined}
      tabIndex={-1}
      data-violation={(row.mark & 1) !== 0 ? '' : undefined}
      onClick={select}
      // Shift marks text otherwise.
      onMouseDown={event => event.shiftKey && event.preventDefault()}
    >
      <span role="gridcell" data-column="t">
        {stamp(row.t)}
      </span>
      <span role="gridcell" data-column="direction">
        <DirectionArrow direction={row.direction} />
      </span>
      {props.showConnection && (
        <span role="gridcell" data-column="conn">
          {row.connection}
        </span>
      )}
      <span role="gridcell" data-column="type">
        <FrameTypeName type={row.type} />
        {row.count > 1 && <span className={css['times']}>×{count(row.count)}</span>}
      </span>
      <span role="gridcell" data-column="stream">
        {row.stream}
      </span>
      <span role="gridcell" data-column="flags" title={flagNames(row.type, row.flags).join(' ')}>
        <span className={css['long']}>{flagNames(row.type, row.flags).join(' ')}</span>
        <span className={css['short']}>{flagNames(row.type, row.flags, true).join(' ')}</span>
      </span>
      <span role="gridcell" data-column="length">
        {count(row.length)}
      </span>
      <span role="gridcell" data-column="detail">
        {(row.mark & 1) !== 0 && <b className={css['broken']}>violation </b>}
        {(row.mark & 2) !== 0 && <span className={css['late']}>after a stall </span>}
        <Hostile text={row.detail} title />
      </span>
    </div>
  );
});

function Nothing(): ReactNode {
  const filter = useUi(ui => ui.filter);
  const protocol = useFeed(snapshot => snapshot.connection?.row.protocol);
  const all = useUi(ui => ui.allConnections && ui.tab === 'frames');
  return (
    <p className={css['none']}>
      {filter !== ''
        ? 'No frame passes the filter.'
        : protocol === 'http/1.1' && !all
          ? 'This connection speaks HTTP/1.1, which has no frames. Its requests are in Streams.'
          : 'No frames yet. They appear here as they are sent and received.'}
    </p>
  );
}
