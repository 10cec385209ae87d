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

test('a behaviour with a reason why it cannot have a test stands by itself, unless a test names it', async () => {
  const root = tree({
    'package.json': { workspaces: ['packages/*'] },
    'packages/a/package.json': {},
    'packages/a/test/some.test.ts': '// PRE-02, PRE-04\n',
    'docs/behaviours.md': [
      '- PRE-01 first',
      '- PRE-02 second',
      '- PRE-03 third (not applicable: there are no threads)',
      '- PRE-04 fourth (not applicable: but it is tested)',
      '- PRE-05 fifth (not applicable: )',
    ].join('\n'),
  });
  const { output } = await capture(process.execPath, [inRoot('scripts/coverage-behaviours.mjs'), root]);
  expect(output.split('\n')).toEqual([
    'PRE-01 first',
    'PRE-05 fifth (not applicable: )',
    '',
    'Not applicable:',
    'PRE-03 third (not applicable: there are no threads)',
    '2 of 4 behaviours are named by a test, 1 are not applicable',
    '',
  ]);
});
