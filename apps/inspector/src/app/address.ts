/**
 * The URL fragment. It brings the token in once, which moves to sessionStorage and never comes back, and afterwards
 * says where the user is, so that a link can be sent to somebody: they need a token of their own.
 */
import { FIRST, TABS, type Tab, type Ui } from './ui-store.ts';

const TOKEN_KEY = 'glassway.token';
/** 128 bits or more, as hex or base64url. */
const TOKEN = /^[A-Za-z0-9_-]{16,128}$/;

/** Where the user is. */
export type Place = Pick<Ui, 'connection' | 'tab' | 'stream' | 'filter'>;

/** What a fragment holds. */
export interface Fragment {
  readonly token: string | null;
  readonly place: Place;
}

/** Reads a fragment, with or without its `#`. What is malformed is ignored. `#<token>` alone is a token too. */
export function readFragment(fragment: string): Fragment {
  const text = fragment.replace(/^#/, '');
  const bare = !text.includes('=') && text.length >= 32 && TOKEN.test(text);
  const parts = new URLSearchParams(bare ? '' : text);
  const token = bare ? text : parts.get('token');
  const connection = natural(parts.get('conn'));
  const stream = natural(parts.get('stream'));
  const tab = parts.get('tab');
  return {
    token: token !== null && TOKEN.test(token) ? token : null,
    place: {
      connection,
      tab: isTab(tab) ? tab : FIRST.tab,
      stream: connection === null || stream === null ? null : { connection, stream },
      filter: (parts.get('filter') ?? '').slice(0, 1024),
    },
  };
}

/** The fragment of a place, without `#`; never with a token. */
export function writeFragment(place: Place): string {
  const parts = new URLSearchParams();
  if (place.connection !== null) {
    parts.set('conn', String(place.connection));
    parts.set('tab', place.tab);
    if (place.stream?.connection === place.connection) parts.set('stream', String(place.stream.stream));
  }
  if (place.filter !== '') parts.set('filter', place.filter);
  return parts.toString();
}

/** The token of this browser tab, taken from the fragment when it brings one. */
export function takeToken(): string | null {
  const { token, place } = readFragment(location.hash);
  if (token === null) return sessionStorage.getItem(TOKEN_KEY);
  keepToken(token);
  const rest = writeFragment(place);
  history.replaceState(null, '', `${location.pathname}${rest === '' ? '' : `#${rest}`}`);
  return token;
}

/** Remembers a token for this browser tab; false when it cannot be one. */
export function keepToken(token: string): boolean {
  if (!TOKEN.test(token)) return false;
  sessionStorage.setItem(TOKEN_KEY, token);
  return true;
}

/** Forgets the token: the gateway does not know it. */
export function dropToken(): void {
  sessionStorage.removeItem(TOKEN_KEY);
}

/** The token in what a person pastes: the token itself, or the address the gateway printed. */
export function tokenIn(pasted: string): string | null {
  const text = pasted.trim();
  const at = text.indexOf('#');
  if (at >= 0) return readFragment(text.slice(at)).token;
  return TOKEN.test(text) ? text : null;
}

/** Where the WebSocket is. */
export function socketUrl(): string {
  const url = new URL('/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  url.search = '';
  return url.href;
}

function natural(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
}

function isTab(text: string | null): text is Tab {
  return (TABS as readonly (string | null)[]).includes(text);
}
