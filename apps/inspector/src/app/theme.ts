/** The colour scheme: the system's, or the one pinned in this browser. */
import { type Theme, useUi } from './ui-store.ts';

const KEY = 'glassway.theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark', 'contrast'];

/** Applies the pinned scheme and keeps it applied. Call once. */
export function startTheme(): void {
  const kept = localStorage.getItem(KEY);
  const theme = THEMES.find(candidate => candidate === kept) ?? 'system';
  apply(theme);
  moreContrast().addEventListener('change', () => apply(useUi.getState().theme));
  useUi.setState({ theme });
  useUi.subscribe((ui, before) => {
    if (ui.theme === before.theme) return;
    localStorage.setItem(KEY, ui.theme);
    apply(ui.theme);
  });
}

/* High contrast is a second matter beside light and dark: pinned, or what the system asks of a page that follows it. */
function apply(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === 'light' || theme === 'dark') dataset['theme'] = theme;
  else delete dataset['theme'];
  if (theme === 'contrast' || (theme === 'system' && moreContrast().matches)) dataset['contrast'] = 'more';
  else delete dataset['contrast'];
}

function moreContrast(): MediaQueryList {
  return matchMedia('(prefers-contrast: more)');
}

/** Calls back when colours may have changed, whoever changed them; returns what ends that. */
export function onColoursChanged(call: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(call);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme', 'data-contrast'] });
  const forced = matchMedia('(forced-colors: active)');
  for (const query of [system, forced]) query.addEventListener('change', call);
  return () => {
    observer.disconnect();
    for (const query of [system, forced]) query.removeEventListener('change', call);
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
