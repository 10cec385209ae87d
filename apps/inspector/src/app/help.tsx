import { FILTER_FIELDS, fieldHint } from '@glassway/inspector-protocol';
import { X } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { Button } from '../ui/button.tsx';
import ui from '../ui/ui.module.css';
import css from './help.module.css';
import { SHORTCUTS } from './keyboard.ts';
import { useUi } from './ui-store.ts';

/** What `?` opens: shortcuts and the filter's words. */
export function Help(): ReactNode {
  const open = useUi(state => state.help);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const close = (): void => useUi.setState({ help: false });
  return (
    <dialog ref={dialog} className={css['dialog']} onClose={close} aria-labelledby="help-title">
      <header className={css['head']}>
        <h2 id="help-title">Shortcuts and filters</h2>
        <Button icon bare aria-label="Close" onClick={close}>
          <X size={16} />
        </Button>
      </header>
      <div className={css['columns']}>
        <section>
          <h3 className={ui['eyebrow']}>Keys</h3>
          <dl className={css['list']}>
            {SHORTCUTS.map(([keys, does]) => (
              <div key={keys}>
                <dt>
                  {keys.split('  ').map(key => (
                    <kbd key={key} className={ui['kbd']}>
                      {key}
                    </kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
        <section>
          <h3 className={ui['eyebrow']}>Filter</h3>
          <p className={css['prose']}>
            Tokens with spaces between, all of which must hold: <code>type=DATA dir=out stream=5</code>. A comma is an
            “or”: <code>type=PING,SETTINGS</code>. <code>!=</code> is “none of”. Numbers also take <code>&lt;</code>{' '}
            <code>&lt;=</code> <code>&gt;</code> <code>&gt;=</code>, texts <code>^=</code> <code>$=</code>{' '}
            <code>*=</code> for begins, ends, contains. <code>or( … )</code> wants one of the tokens inside,{' '}
            <code>not( … )</code> leaves out what they would show.
          </p>
          <dl className={css['list']}>
            {FILTER_FIELDS.map(field => (
              <div key={field}>
                <dt>
                  <code>{field}</code>
                </dt>
                <dd>{fieldHint(field)}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </dialog>
  );
}
