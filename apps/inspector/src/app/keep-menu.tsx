import { Download } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { keepAs, openFile, whenProblem } from '../feed/client.ts';
import type { KeepFormat } from '../feed/model.ts';
import { Hostile } from '../ui/hostile.tsx';
import ui from '../ui/ui.module.css';
import css from './keep-menu.module.css';
import { useUi } from './ui-store.ts';

const FORMATS: readonly (readonly [format: KeepFormat, name: string, what: string])[] = [
  ['glassway', 'Recording', 'everything held here, to open again: .glassway'],
  ['text', 'Text', 'frames as nghttp -v prints them'],
  ['har', 'HAR', 'requests, for browsers’ tools'],
  ['pcapng', 'pcapng', 'frames in made-up TCP, for packet analysers'],
  ['qlog', 'qlog', 'a JSON text sequence'],
  ['chrome-trace', 'Chrome trace', 'streams as spans, for trace viewers'],
];

/** Files out of what the page holds, and recordings into it. */
export function KeepMenu(): ReactNode {
  const menu = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState('');
  const filter = useUi(state => state.filter);
  useEffect(() => {
    whenProblem(text => {
      setProblem(text);
      menu.current?.showPopover();
    });
    return dropped(file => void openFile(file));
  }, []);
  const done = (): void => {
    setProblem('');
    menu.current?.hidePopover();
  };
  return (
    <>
      <button
        type="button"
        className={ui['button']}
        popoverTarget="keep-menu"
        title="Save what this page holds, or open a recording"
      >
        <Download size={14} aria-hidden="true" />
        Export
      </button>
      <div
        ref={menu}
        id="keep-menu"
        popover="auto"
        className={css['menu']}
        role="group"
        aria-label="Export and recordings"
      >
        {problem !== '' && (
          <p className={css['problem']} role="alert">
            This file cannot be opened: <Hostile text={problem} />.
          </p>
        )}
        {FORMATS.map(([format, name, what]) => (
          <button
            key={format}
            type="button"
            className={css['item']}
            onClick={() => {
              keepAs(format, filter);
              done();
            }}
          >
            <b>{name}</b>
            <span>{what}</span>
          </button>
        ))}
        <p className={css['note']}>
          {filter === '' ? 'All frames of all connections.' : 'Only frames that the filter shows, but for recordings.'}{' '}
          What is secret was replaced in the gateway and is in none of them.
        </p>
        <button type="button" className={css['item']} onClick={() => input.current?.click()}>
          <b>Open a recording …</b>
          <span>or drop its file anywhere on this page</span>
        </button>
        <input
          ref={input}
          type="file"
          accept=".glassway"
          hidden
          onChange={event => {
            const file = event.target.files?.[0];
            event.target.value = '';
            if (file === undefined) return;
            done();
            void openFile(file);
          }}
        />
      </div>
    </>
  );
}

/* A file dropped anywhere is opened, and never navigated to. */
function dropped(open: (file: File) => void): () => void {
  const onDragOver = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  };
  const onDrop = (event: DragEvent): void => {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    open(file);
  };
  window.addEventListener('dragover', onDragOver);
  window.addEventListener('drop', onDrop);
  return () => {
    window.removeEventListener('dragover', onDragOver);
    window.removeEventListener('drop', onDrop);
  };
}
