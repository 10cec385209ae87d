import { explainFilter, type Filter, MAX_FILTER_LENGTH, parseFilter } from '@glassway/inspector-protocol';
import { ListFilter, X } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, type RefObject, useMemo, useState } from 'react';
import { complete } from '../filter/complete.ts';
import { Button } from '../ui/button.tsx';
import { Hostile } from '../ui/hostile.tsx';
import css from './filter-bar.module.css';
import { SavedMenu } from './saved-menu.tsx';
import { useUi } from './ui-store.ts';

/** The filter of all frame lists: tokens when at rest, text with completion and an explanation while typing. */
export function FilterBar(props: { readonly inputRef: RefObject<HTMLInputElement | null> }): ReactNode {
  const text = useUi(ui => ui.filter);
  const [focused, setFocused] = useState(false);
  const [caret, setCaret] = useState(0);
  const [choice, setChoice] = useState(-1);
  const filter = useMemo(() => parseFilter(text), [text]);
  const options = useMemo(() => (focused ? complete(text, caret) : []), [focused, text, caret]);

  // The word being typed is not wrong yet while it can still become something.
  const typing = options.length > 0 ? wordAt(text, caret) : '';
  const problems = filter.problems.filter(problem => problem.text !== typing);

  const change = (value: string, at: number): void => {
    useUi.setState({ filter: value, follow: true });
    setCaret(at);
    setChoice(-1);
  };
  const take = (index: number): void => {
    const option = options[index];
    const input = props.inputRef.current;
    if (option === undefined || input === null) return;
    change(option.text, option.caret);
    // The value is React's; the caret can be placed once it is drawn.
    requestAnimationFrame(() => input.setSelectionRange(option.caret, option.caret));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const last = options.length - 1;
    if (event.key === 'ArrowDown' && last >= 0) setChoice(choice >= last ? 0 : choice + 1);
    else if (event.key === 'ArrowUp' && last >= 0) setChoice(choice <= 0 ? last : choice - 1);
    else if (event.key === 'Enter' && choice >= 0) take(choice);
    else if (event.key === 'Tab' && !event.shiftKey && choice >= 0) take(choice);
    else if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur();
    else return;
    event.preventDefault();
  };

  return (
    <div
      className={css['bar']}
      data-focused={focused ? '' : undefined}
      data-wrong={problems.length > 0 ? '' : undefined}
    >
      <ListFilter size={14} className={css['icon']} aria-hidden="true" />
      <input
        ref={props.inputRef}
        className={css['input']}
        type="text"
        role="combobox"
        aria-label="Filter frames"
        aria-expanded={focused && options.length > 0}
        aria-controls="filter-options"
        aria-activedescendant={choice >= 0 ? `filter-option-${choice}` : undefined}
        aria-invalid={filter.problems.length > 0}
        spellCheck={false}
        autoComplete="off"
        maxLength={MAX_FILTER_LENGTH}
        placeholder="Filter frames: type=DATA dir=out stream=5 …"
        value={text}
        onChange={event => change(event.target.value, event.target.selectionStart ?? 0)}
        onSelect={event => setCaret(event.currentTarget.selectionStart ?? 0)}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onKeyDown={onKeyDown}
      />
      {!focused && text !== '' && <Tokens filter={filter} text={text} />}
      {text !== '' && (
        <Button icon small bare aria-label="Clear the filter" onClick={() => change('', 0)}>
          <X size={13} />
        </Button>
      )}
      <SavedMenu />
      {!focused && text === '' && (
        <span className={css['slash']} aria-hidden="true">
          /
        </span>
      )}
      {focused && (
        <div className={css['popup']}>
          <p className={css['meaning']} aria-live="polite">
            {filter.nodes.length > 0 ? (
              <>
                Shows <Hostile text={explainFilter(filter)} />.
              </>
            ) : (
              'Shows every frame. Tokens narrow it down; all of them must hold.'
            )}
          </p>
          {problems.map((problem, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same wrong token may stand twice
            <p key={at} className={css['problem']}>
              <b>
                <Hostile text={problem.text} />
              </b>{' '}
              has no effect. <Hostile text={problem.message} />
            </p>
          ))}
          <div id="filter-options" role="listbox" aria-label="Completions" className={css['options']}>
            {options.map((option, at) => (
              <div
                key={option.label}
                id={`filter-option-${at}`}
                role="option"
                aria-selected={at === choice}
                className={css['option']}
                // Before the field loses the focus, which would take this list away.
                onPointerDown={event => {
                  event.preventDefault();
                  take(at);
                }}
              >
                <code>{option.label}</code>
                <span>{option.hint}</span>
              </div>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

function wordAt(text: string, caret: number): string {
  const start = text.lastIndexOf(' ', caret - 1) + 1;
  return text.slice(start).split(' ', 1)[0] ?? '';
}

/* The same text as pills over the field at rest; a click falls through to the field. */
function Tokens(props: { readonly filter: Filter; readonly text: string }): ReactNode {
  const wrong = new Map(props.filter.problems.map(problem => [problem.text, problem.message]));
  return (
    <div className={css['tokens']} aria-hidden="true">
      {props.text
        .split(/\s+/)
        .filter(token => token !== '')
        .map((token, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a token may stand twice
          <span key={at} className={css['token']} data-wrong={wrong.has(token) ? '' : undefined}>
            <Hostile text={token} />
          </span>
        ))}
    </div>
  );
}
