import { Bookmark, X } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Hostile } from '../ui/hostile.tsx';
import { closeMenu, Menu } from '../ui/menu.tsx';
import { dropFilter, MAX_NAME, saveFilter, useSavedFilters } from './saved-filters.ts';
import css from './saved-menu.module.css';
import { SAVED_MENU } from './saved-menu-id.ts';
import { useUi } from './ui-store.ts';

/** Filters that were given a name: to apply, to forget, and to give the one in force a name. */
export function SavedMenu(): ReactNode {
  const list = useSavedFilters(state => state.list);
  const filter = useUi(state => state.filter);
  const [name, setName] = useState('');
  const [problem, setProblem] = useState('');
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    const why = saveFilter(name, filter);
    setProblem(why ?? '');
    if (why === null) setName('');
  };
  return (
    <Menu id={SAVED_MENU} label="Saved filters" icon={<Bookmark size={13} />} small>
      <form className={css['form']} onSubmit={onSubmit}>
        <input
          className={css['name']}
          aria-label="Name for the filter in force"
          placeholder={filter === '' ? 'Type a filter first, then name it here' : 'Name for this filter'}
          maxLength={MAX_NAME}
          disabled={filter.trim() === ''}
          value={name}
          onChange={event => setName(event.target.value)}
        />
        <Button type="submit" small disabled={filter.trim() === '' || name.trim() === ''}>
          Save
        </Button>
      </form>
      {problem !== '' && (
        <p className={css['problem']} role="alert">
          {problem}
        </p>
      )}
      {list.length > 0 && (
        <ul className={css['list']} aria-label="Saved filters">
          {list.map(saved => (
            <li key={saved.name}>
              <button
                type="button"
                className={css['saved']}
                aria-current={saved.filter === filter}
                onClick={() => {
                  useUi.setState({ filter: saved.filter, follow: true });
                  closeMenu(SAVED_MENU);
                }}
              >
                <b>
                  <Hostile text={saved.name} />
                </b>
                <code>
                  <Hostile text={saved.filter} />
                </code>
              </button>
              <Button icon small bare aria-label={`Forget ${saved.name}`} onClick={() => dropFilter(saved.name)}>
                <X size={13} />
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Menu>
  );
}
