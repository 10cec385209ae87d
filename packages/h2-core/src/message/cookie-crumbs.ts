import { type IndexingPolicy, Representation } from '@glassway/hpack';

/** Cookies with more crumbs than this stay whole: peers count field lines. */
const MAX_CRUMBS = 32;

/**
 * The crumbs of a cookie, to be sent as lines of their own so that each is found in the table again when another changes
 * (RFC 9113 8.2.3); null: it is better left whole, because a crumb would not be indexed or could not stand alone.
 */
export function crumbsOf(cookie: string, indexing: IndexingPolicy): readonly string[] | null {
  if (!cookie.includes('; ')) return null;
  const crumbs = cookie.split('; ');
  if (crumbs.length > MAX_CRUMBS) return null;
  for (const crumb of crumbs) {
    if (crumb === '' || crumb.trim() !== crumb) return null;
    if (indexing('cookie', crumb) !== Representation.INCREMENTAL) return null;
  }
  return crumbs;
}
