import { expect, test } from 'vitest';
import { capture } from '../lib/command.mjs';
import { inRoot } from '../lib/workspace.mjs';
import { tree } from './support.mjs';

test('lists the behaviours that no test names, and counts', async () => {
  const root = tree({
    'package.json': { workspaces: ['packages/*'] },
    'packages/a/package.json': {},
    'packages/a/test/deep/some.test.ts': '// PRE-02, PRE-03\n',
    'packages/a/src/not-a-test.ts': '// PRE-01\n',
    'docs/behaviours.md': '## PRE\n- [ ] PRE-01 first\n- [x] PRE-02 second\n- [ ] PRE-03 third\n\nSee PRE-09.\n',
  });
  const { code, output } = await capture(process.execPath, [inRoot('scripts/coverage-behaviours.mjs'), root]);
  expect(output).toBe('PRE-01 first\n2 of 3 behaviours are named by a test\n');
  expect(code).toBe(0);
});
