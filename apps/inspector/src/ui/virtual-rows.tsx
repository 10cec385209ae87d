/**
 * Fixed-height rows, of which only the visible ones exist, for any number of rows. The caller learns which rows are
 * wanted through `onWindow` and draws them in `children`; see `scaled-scroll.ts` for the arithmetic.
 */
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import {
  clampOffset,
  fromScrollTop,
  MAX_SPACER,
  maxOffset,
  type RowWindow,
  reveal,
  rowWindow,
  spacerHeight,
  toScrollTop,
} from './scaled-scroll.ts';
import css from './virtual-rows.module.css';

/** Properties of `VirtualRows`. */
export interface VirtualRowsProps {
  /** Rows there are. */
  readonly rows: number;
  /** Number of the first row; when it grows, rows fell off the front and the view moves with them. */
  readonly base: number;
  /** Height of a row in CSS pixels. */
  readonly rowHeight: number;
  /** Stay at the end as rows come in. */
  readonly follow: boolean;
  /** The user scrolled away from the end (false) or back to it (true). */
  readonly onFollow?: (follow: boolean) => void;
  /** Which rows are visible now; called after layout whenever it changes. */
  readonly onWindow: (first: number, length: number) => void;
  /** A row, counted from `base`, to bring into view when `revealKey` changes; null for none. */
  readonly revealRow: number | null;
  /** Names what is to be seen: its row may move without the view following it. */
  readonly revealKey: string | number | null;
  /** Draws the rows of a window. */
  readonly children: (window: RowWindow) => ReactNode;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  /** Shown above the rows inside the same horizontal extent. */
  readonly header?: ReactNode;
  /** A list of options instead of a grid of rows. */
  readonly role?: 'listbox';
  readonly label: string;
  readonly activeId?: string | undefined;
  readonly columns?: number;
  /** More than one row can be selected. */
  readonly multiple?: boolean;
}

/** The scrolling viewport. */
export function VirtualRows(props: VirtualRowsProps): ReactNode {
  const { rows, base, rowHeight, follow, onFollow, onWindow, revealRow } = props;
  const element = useRef<HTMLDivElement>(null);
  const [client, setClient] = useState(0);
  const [offset, setOffset] = useState(0);
  /* The scrollTop we set ourselves; its echo as a scroll event must not be taken for the user's hand. */
  const expected = useRef(0);
  const lastBase = useRef(base);

  useLayoutEffect(() => {
    const node = element.current;
    if (node === null) return;
    const observer = new ResizeObserver(() => setClient(node.clientHeight));
    observer.observe(node);
    setClient(node.clientHeight);
    return () => observer.disconnect();
  }, []);

  // Whole rows only, so that none is cut at the top when the end is shown; what remains is blank below the last.
  const viewport = Math.max(Math.min(client, rowHeight), client - (client % rowHeight));
  let at = clampOffset(offset, rows, rowHeight, viewport);
  if (follow) at = maxOffset(rows, rowHeight, viewport);
  else if (base !== lastBase.current)
    at = clampOffset(at - (base - lastBase.current) * rowHeight, rows, rowHeight, viewport);
  const visible = rowWindow(at, rows, rowHeight, viewport, client);

  useLayoutEffect(() => {
    lastBase.current = base;
    if (at !== offset) setOffset(at);
    const node = element.current;
    // The user's hand moved the scrollbar and its event is on the way: that one says where to go.
    if (node === null || Math.abs(node.scrollTop - expected.current) >= 1) return;
    const top = Math.round(toScrollTop(at, rows, rowHeight, viewport));
    if (Math.abs(node.scrollTop - top) >= 1) {
      node.scrollTop = top;
      expected.current = node.scrollTop;
    }
  });

  useEffect(() => onWindow(visible.first, visible.length), [onWindow, visible.first, visible.length]);

  const moveTo = useCallback(
    (next: number) => {
      setOffset(next);
      onFollow?.(next >= maxOffset(rows, rowHeight, viewport) - 1);
    },
    [onFollow, rows, rowHeight, viewport],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new target moves the view, rows coming in do not
  useEffect(() => {
    if (revealRow === null || viewport === 0) return;
    setOffset(current => reveal(revealRow, current, rows, rowHeight, viewport));
  }, [props.revealKey, revealRow === null, viewport]);

  const scaled = rows * rowHeight > MAX_SPACER;
  useEffect(() => {
    const node = element.current;
    if (node === null || !scaled) return;
    const onWheel = (event: WheelEvent): void => {
      if (event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? rowHeight : 1;
      moveTo(clampOffset(at + event.deltaY * unit, rows, rowHeight, viewport));
    };
    node.addEventListener('wheel', onWheel, { passive: false });
    return () => node.removeEventListener('wheel', onWheel);
  }, [scaled, at, moveTo, rows, rowHeight, viewport]);

  const onScroll = (): void => {
    const node = element.current;
    if (node === null || Math.abs(node.scrollTop - expected.current) < 1) return;
    expected.current = node.scrollTop;
    if (node.clientHeight !== client) {
      // The browser pushed the content because the viewport grew; nobody scrolled.
      setClient(node.clientHeight);
      return;
    }
    moveTo(scaled ? fromScrollTop(node.scrollTop, rows, rowHeight, viewport) : node.scrollTop);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    props.onKeyDown?.(event);
    if (event.defaultPrevented) return;
    const page = Math.max(rowHeight, viewport - rowHeight);
    const jumps: Record<string, number> = {
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: maxOffset(rows, rowHeight, viewport),
    };
    const target = jumps[event.key];
    if (target === undefined) return;
    event.preventDefault();
    moveTo(clampOffset(target, rows, rowHeight, viewport));
  };

  const list = props.role === 'listbox';
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is one of two interactive ones
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: see above
    <div
      className={css['frame']}
      role={list ? 'listbox' : 'grid'}
      aria-label={props.label}
      {...(list ? {} : { 'aria-rowcount': rows + 1, 'aria-colcount': props.columns })}
      aria-multiselectable={props.multiple}
      // The whole has the focus and names its active row: of a million rows, most do not exist.
      aria-activedescendant={props.activeId}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      {props.header}
      <div
        ref={element}
        className={css['viewport']}
        role={list ? 'group' : 'rowgroup'}
        tabIndex={-1}
        onScroll={onScroll}
      >
        <div className={css['spacer']} style={{ height: spacerHeight(rows, rowHeight) + client - viewport }}>
          <div className={css['window']} style={{ height: Math.min(client, rows * rowHeight) }}>
            <div className={css['rows']} style={{ transform: `translateY(${visible.shift}px)` }}>
              {props.children(visible)}
            </div>
          </div>
        </div>
      </div>
    </div>
  );
}
