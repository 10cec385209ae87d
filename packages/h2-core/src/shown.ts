/** Items of an option's list that a message shows. */
const MAX_ITEMS = 16;

/** A value as a message shows it: short texts and numbers as they are, of other things what they are. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The same for the value of an option, which has no secrets: with the items of a short list. */
export function shownOption(value: unknown): string {
  return Array.isArray(value) && value.length <= MAX_ITEMS ? `[${value.map(shown).join(',')}]` : shown(value);
}
