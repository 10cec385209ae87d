import { EXPORT_FORMATS } from '@glassway/inspector-protocol';
import { Download } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { keepAs, openFile, useFeed, whenProblem } from '../feed/client.ts';
import type { KeepFormat } from '../feed/model.ts';
import { Hostile } from '../ui/hostile.tsx';
import ui from '../ui/ui.module.css';
import { FORMAT_NAMES } from './formats.ts';
import css from './keep-menu.module.css';
import { openRecording, RECORDING_INPUT } from './open-recording.ts';
import { useUi } from './ui-store.ts';

const FORMATS: readonly KeepFormat[] = ['glassway', ...EXPORT_FORMATS];

/** Files out of what the page holds, and recordings into it. */
export function KeepMenu(): ReactNode {
  const menu = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState('');
  const filter = useUi(state => state.filter);
  const sampled = useFeed(snapshot => snapshot.gateway?.payloadBytes ?? 0) > 0;
  const [content, setContent] = useState(false);
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
            <Hostile text={problem} />.
          </p>
        )}
        {FORMATS.map(format => (
          <button
            key={format}
            type="button"
            className={css['item']}
            onClick={() => {
              keepAs(format, filter, content);
              done();
            }}
          >
            <b>{FORMAT_NAMES[format][0]}</b>
            <span>{FORMAT_NAMES[format][1]}</span>
          </button>
        ))}
        {sampled && (
          <label className={css['choice']}>
            <input type="checkbox" checked={content} onChange={event => setContent(event.target.checked)} />
            With what is kept of bodies, in which nothing is redacted
          </label>
        )}
        <p className={css['note']}>
          {filter === '' ? 'All frames of all connections.' : 'Only frames that the filter shows, but for recordings.'}{' '}
          Secret fields were replaced in the gateway and are in none of them.
        </p>
        <button type="button" className={css['item']} onClick={openRecording}>
          <b>Open a recording …</b>
          <span>or drop its file anywhere on this page</span>
        </button>
        <input
          id={RECORDING_INPUT}
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
