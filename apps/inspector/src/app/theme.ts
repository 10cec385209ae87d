/** The colour scheme: the system's, or the one pinned in this browser. */
import { type Theme, useUi } from './ui-store.ts';

const KEY = 'glassway.theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

/** Applies the pinned scheme and keeps it applied. Call once. */
export function startTheme(): void {
  const kept = localStorage.getItem(KEY);
  const theme = THEMES.find(candidate => candidate === kept) ?? 'system';
  apply(theme);
  useUi.setState({ theme });
  useUi.subscribe((ui, before) => {
    if (ui.theme === before.theme) return;
    localStorage.setItem(KEY, ui.theme);
    apply(ui.theme);
  });
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

/** Calls back when colours may have changed, whoever changed them; returns what ends that. */
export function onColoursChanged(call: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(call);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  system.addEventListener('change', call);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', call);
  };
}

/** The colour a custom property stands for now, in a form a canvas understands. */
export function colour(property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
