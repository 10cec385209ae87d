import { describe, expect, test } from 'vitest';
import { doors, exportsOf, undocumented, unnameable } from '../lib/exports.mjs';

const PACKAGES = ['packages/hpack', 'packages/h2-core', 'packages/tls-alpn', 'packages/inspector-protocol'];
const DOORS = PACKAGES.flatMap(directory => doors(directory).map(([door, file]) => [directory, door, file]));

test.each(DOORS)(
  '%s %s: every export and every public member of a class has a doc comment',
  (_directory, _door, file) => {
    expect(exportsOf(file).size).toBeGreaterThan(0);
    expect(undocumented(file)).toEqual([]);
  },
);

describe('every type that a door mentions can be imported', () => {
  // Those of the async API from its own two doors, others from any door of the package.
  const ROLES = ['./server', './client'];

  test.each(DOORS.filter(([directory]) => directory !== 'packages/inspector-protocol'))(
    '%s %s',
    (directory, door, file) => {
      const names = DOORS.filter(
        ([other, name]) => (ROLES.includes(door) ? name === door : true) && other === directory,
      ).flatMap(([, , source]) => [...exportsOf(source).keys()]);
      expect(unnameable(file, new Set(names))).toEqual([]);
    },
  );
});

describe('the reader', () => {
  const read = files => path => files[path];

  test('finds what is declared, passed on, renamed and passed on whole', () => {
    const files = {
      'a/index.ts': "export { one, type Two as Deux } from './b.ts';\nexport * from './c.ts';\nexport const own = 1;\n",
      'a/b.ts': '/** One. */\nexport function one(): void {}\nexport interface Two {\n}\n',
      'a/c.ts': '/** Three. */\nexport const Three = {} as const;\n/** And its type. */\nexport type Three = 1;\n',
    };
    const found = exportsOf('a/index.ts', read(files));
    expect([...found.keys()].sort()).toEqual(['Deux', 'Three', 'one', 'own']);
    expect(found.get('Three')).toHaveLength(2);
    expect(undocumented('a/index.ts', read(files))).toEqual(['a/b.ts: Deux', 'a/index.ts: own']);
  });

  test('sees members without comment, and no others', () => {
    const source = `/** A. */
export class A {
  /** Documented. */
  readonly one: number = 1;
  two = 2;
  private three = 3;
  constructor() {
    this.three;
  }
  /** A getter. */
  get four(): number {
    return 4;
  }
  set four(value: number) {}
  async five(): Promise<void> {
    const local = 1;
  }
  override six(): void {}
  static seven<T>(given: T): T {
    return given;
  }
}
`;
    expect(undocumented('a.ts', read({ 'a.ts': source }))).toEqual(['a.ts: A.five', 'a.ts: A.seven', 'a.ts: A.two']);
  });

  test('does not take one name for another: what is exported and not declared there is told', () => {
    const files = { 'a.ts': "export { gone } from './b.ts';\n", 'b.ts': 'const gone = 1;\n' };
    expect(() => exportsOf('a.ts', read(files))).toThrow('a.ts exports gone, which b.ts does not declare');
  });
});
