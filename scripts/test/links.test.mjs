import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { inRoot, workspaceDirectories } from '../lib/workspace.mjs';

const TEXTS = ['.', 'docs', ...workspaceDirectories()].flatMap(directory =>
  readdirSync(inRoot(directory))
    .filter(name => name.endsWith('.md'))
    .map(name => join(directory, name)),
);

test.each(TEXTS)('%s: its links to files lead somewhere', text => {
  const links = [...readFileSync(inRoot(text), 'utf8').matchAll(/\]\(([^)\s#]+)/g)].map(([, link]) => link);
  const files = links.filter(link => !/^[a-z]+:/.test(link));
  expect(files.filter(link => !existsSync(inRoot(dirname(text), link)))).toEqual([]);
});
