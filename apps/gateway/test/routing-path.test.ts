import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizePath } from '../src/routing/path.ts';

describe('normalizePath', () => {
  it.each([
    ['/', '/'],
    ['*', '*'],
    ['/a/b?c=//../%2e', '/a/b?c=//../%2e'],
    // D25
    ['/a%2f..%2fadmin', '/admin'],
    ['/x/a%2f..%2Fadmin', '/x/admin'],
    ['/a%5c..%5cadmin', '/admin'],
    ['/a\\..\\admin', '/admin'],
    ['//', '/'],
    ['//admin//x', '/admin/x'],
    ['/a/..;/admin', '/admin'],
    ['/a/..;x=1/admin', '/admin'],
    ['/.;/admin', '/admin'],
    ['/%2e%2e/%2E/admin', '/admin'],
    ['/a/%2e%2e;/admin', '/admin'],
    // RFC 3986 5.2.4
    ['/a/b/c/./../../g', '/a/g'],
    ['/..', '/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/a/', '/a/'],
    // RFC 3986 6.2.2
    ['/%7euser/%41', '/~user/A'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%3fb', '/a%3Fb'],
    // What has only one reading is data.
    ['/@scope%2fname', '/@scope%2Fname'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/a;v=1/b', '/a;v=1/b'],
    ['/%252e%252e/x', '/%252e%252e/x'],
  ])('%s is %s', (target, normal) => {
    expect(normalizePath(target)).toBe(normal);
  });

  it.each(['/%', '/%4', '/%zz', '/a%00b', '/%+1', 'a', '', '/%4?x'])('%s cannot be forwarded', target => {
    expect(normalizePath(target)).toBeNull();
  });

  const piece = fc.constantFrom('/', '//', '.', '..', ';', '%2e', '%2F', '%5c', '\\', 'a', 'b', '%41', '%', '?');
  const path = fc.array(piece).map(pieces => `/${pieces.join('')}`);

  it('property: the normal form is its own normal form', () => {
    fc.assert(
      fc.property(path, target => {
        const once = normalizePath(target);
        if (once !== null) expect(normalizePath(once)).toBe(once);
      }),
    );
  });

  it('property: no reading of the normal form contains a dot segment', () => {
    fc.assert(
      fc.property(path, target => {
        const normal = normalizePath(target);
        if (normal === null) return;
        const octets = /%([0-9A-F]{2})/g;
        const read = normal
          .split('?')[0]!
          .replaceAll(octets, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
          .replaceAll('\\', '/')
          .replaceAll(/;[^/]*/g, '');
        expect(read.split('/')).not.toContain('..');
        expect(read.split('/')).not.toContain('.');
      }),
    );
  });
});
