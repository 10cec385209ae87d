import { afterEach, describe, expect, test, vi } from 'vitest';
import { readFragment, takeToken, tokenIn, writeFragment } from '../src/app/address.ts';
import { FIRST } from '../src/app/ui-store.ts';

const TOKEN = 'q83vEjRWeJCrze8SNFZ4kA';

describe('the fragment', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('says where the user is, and back', () => {
    const place = {
      connection: 7,
      tab: 'frames',
      stream: { connection: 7, stream: 5 },
      filter: 'type=DATA dir=out',
    } as const;
    const text = writeFragment(place);
    expect(text).toBe('conn=7&tab=frames&stream=5&filter=type%3DDATA+dir%3Dout');
    expect(readFragment(`#${text}`)).toEqual({ token: null, place });
  });

  test('never holds a token, whatever the state is called', () => {
    expect(writeFragment({ ...FIRST, connection: 1 })).not.toContain('token');
  });

  test('malformed parts are ignored', () => {
    expect(readFragment('#conn=abc&tab=cake&stream=-1&token=<script>')).toEqual({
      token: null,
      place: { connection: null, tab: FIRST.tab, stream: null, filter: '' },
    });
  });

  test('a stream without its connection is nowhere', () => {
    expect(readFragment('#stream=5').place.stream).toBeNull();
  });

  test('the token moves to sessionStorage, the place stays', () => {
    const kept = new Map<string, string>();
    const replaced: string[] = [];
    vi.stubGlobal('location', { hash: `#token=${TOKEN}&conn=3&tab=windows`, pathname: '/' });
    vi.stubGlobal('history', { replaceState: (_state: unknown, _title: string, url: string) => replaced.push(url) });
    vi.stubGlobal('sessionStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    });
    expect(takeToken()).toBe(TOKEN);
    expect([...kept.values()]).toEqual([TOKEN]);
    expect(replaced).toEqual(['/#conn=3&tab=windows']);
    vi.stubGlobal('location', { hash: '#conn=3&tab=windows', pathname: '/' });
    expect(takeToken()).toBe(TOKEN);
  });

  test('a token is found in what the gateway printed, or alone', () => {
    expect(tokenIn(` http://127.0.0.1:8090/#token=${TOKEN}\n`)).toBe(TOKEN);
    expect(tokenIn(TOKEN)).toBe(TOKEN);
    expect(tokenIn('http://127.0.0.1:8090/')).toBeNull();
    expect(tokenIn('two words')).toBeNull();
  });
});
