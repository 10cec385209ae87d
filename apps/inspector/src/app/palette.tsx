import { Search } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { current, useFeed } from '../feed/client.ts';
import { fit } from '../text/fuzzy.ts';
import { Hostile } from '../ui/hostile.tsx';
import ui from '../ui/ui.module.css';
import { type Command, commandsOf, connectionCommands, streamCommands } from './commands.ts';
import css from './palette.module.css';
import { useUi } from './ui-store.ts';

/** Entries shown at most. */
const MOST = 60;

interface Hit {
  readonly command: Command;
  /** Places of the title that were typed. */
  readonly at: readonly number[];
}

/** The command palette (Ctrl or Cmd+K): everything the page can do, and everywhere it can go, by typing a part of it. */
export function Palette(): ReactNode {
  const open = useUi(state => state.palette);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      className={css['dialog']}
      aria-label="Commands"
      onClose={close}
      // The backdrop belongs to the dialog; inside it everything is a child.
      onPointerDown={event => event.target === dialog.current && close()}
    >
      {open && <Box />}
    </dialog>
  );
}

function close(): void {
  useUi.setState({ palette: false, paletteText: '' });
}

function Box(): ReactNode {
  const text = useUi(state => state.paletteText);
  const [choice, setChoice] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const hits = useHits(useDeferredValue(text));
  const chosen = Math.min(choice, hits.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  });

  const run = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    // First, so that the command may open something in its place.
    close();
    hit.command.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const last = hits.length - 1;
    const page = 8;
    if (event.key === 'ArrowDown') setChoice(chosen >= last ? 0 : chosen + 1);
    else if (event.key === 'ArrowUp') setChoice(chosen <= 0 ? last : chosen - 1);
    else if (event.key === 'PageDown') setChoice(Math.min(last, chosen + page));
    else if (event.key === 'PageUp') setChoice(Math.max(0, chosen - page));
    else if (event.key === 'Enter') run(hits[chosen]);
    else return;
    event.preventDefault();
  };

  return (
    <>
      <div className={css['field']}>
        <Search size={16} aria-hidden="true" />
        <input
          // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type into this
          autoFocus
          type="text"
          role="combobox"
          aria-label="Command, connection or stream"
          aria-expanded={hits.length > 0}
          aria-controls="palette-list"
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `palette-${chosen}` : undefined}
          autoComplete="off"
          spellCheck={false}
          maxLength={200}
          placeholder="A command, a connection, a stream: 7/5, or part of its path"
          value={text}
          onChange={event => {
            useUi.setState({ paletteText: event.target.value });
            setChoice(0);
          }}
          onKeyDown={onKeyDown}
        />
        <kbd className={ui['kbd']}>Esc</kbd>
      </div>
      <div ref={list} id="palette-list" role="listbox" aria-label="Commands" className={css['list']}>
        {hits.map((hit, at) => (
          <Entry key={hit.command.id} hit={hit} at={at} chosen={at === chosen} run={run} over={setChoice} />
        ))}
      </div>
      <p className={hits.length === 0 ? css['none'] : ui['srOnly']} aria-live="polite">
        {hits.length === 0 ? 'Nothing here is called so, and no stream known to this page has it in its path.' : ''}
      </p>
    </>
  );
}

function Entry(props: {
  readonly hit: Hit;
  readonly at: number;
  readonly chosen: boolean;
  readonly run: (hit: Hit) => void;
  readonly over: (at: number) => void;
}): ReactNode {
  const { hit, at, chosen } = props;
  const { title, group, keys, note, current: inForce } = hit.command;
  return (
    <div
      id={`palette-${at}`}
      role="option"
      aria-selected={chosen}
      tabIndex={-1}
      className={css['entry']}
      onPointerMove={() => !chosen && props.over(at)}
      onPointerDown={event => event.preventDefault()}
      onClick={() => props.run(hit)}
      onKeyDown={undefined}
    >
      <span className={css['group']}>{group}</span>
      <span className={css['title']}>
        <Marked text={title} at={hit.at} />
        {inForce === true && <span className={css['current']}> · in force</span>}
      </span>
      <span className={css['note']}>{note !== undefined && <Hostile text={note} />}</span>
      <span className={css['keys']}>
        {keys?.split('  ').map(key => (
          <kbd key={key} className={ui['kbd']}>
            {key}
          </kbd>
        ))}
      </span>
    </div>
  );
}

/* The title with the typed letters set apart. Streams' paths are in it, so it is as hostile as they are. */
function Marked(props: { readonly text: string; readonly at: readonly number[] }): ReactNode {
  const { text, at } = props;
  const parts: ReactNode[] = [];
  const marked = new Set(at);
  for (let from = 0; from < text.length; ) {
    let to = from + 1;
    while (to < text.length && marked.has(to) === marked.has(from)) to++;
    const part = <Hostile text={text.slice(from, to)} />;
    parts.push(marked.has(from) ? <mark key={from}>{part}</mark> : <span key={from}>{part}</span>);
    from = to;
  }
  return parts;
}

function useHits(text: string): readonly Hit[] {
  const state = useUi();
  const found = useFeed(snapshot => snapshot.found);
  // Connections come and go ten times a second in name only: the list is made when something was typed or found.
  return useMemo(() => {
    const query = text.trim();
    const fixed = commandsOf(state);
    if (query === '') return fixed.slice(0, MOST).map(command => ({ command, at: [] }));
    const number = /^#?(\d+)$/.exec(query);
    const ranked: { readonly command: Command; readonly at: readonly number[]; readonly score: number }[] = [];
    for (const command of [...fixed, ...connectionCommands(current().connections)]) {
      const here = fit(query, command.title) ?? fit(query, `${command.title} ${command.group}`);
      // A bare number is a connection's before it is part of an address.
      const bonus = number !== null && command.id === `connection/${Number(number[1])}` ? 200 : 0;
      if (here !== null) {
        ranked.push({ command, at: here.at.filter(at => at < command.title.length), score: here.score + bonus });
      }
    }
    ranked.sort((a, b) => b.score - a.score);
    const streams = found === null ? [] : streamCommands(found.streams);
    const hits: Hit[] = streams.map(command => ({ command, at: fit(query, command.title)?.at ?? [] }));
    // What looks like a path or `7/5` is one.
    const first = /^\/|^#?\d+\s*\/\s*\d*$/.test(query) ? [...hits, ...ranked] : [...ranked, ...hits];
    return first.slice(0, MOST);
  }, [text, state, found]);
}
