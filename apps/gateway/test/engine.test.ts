import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ENGINE_FLAGS } from '../src/engine.ts';

// Objects that survive, until the space for new ones has become larger twice.
const PROGRAM = `
  const v8 = require('node:v8');
  v8.setFlagsFromString(process.argv[1]);
  const size = () => v8.getHeapSpaceStatistics().find(space => space.space_name === 'new_space').space_size;
  const sizes = [size()];
  const kept = [];
  for (let i = 0; i < 3e6 && sizes.length < 3; i++) {
    kept.push({ i, of: [i] });
    if (i % 1000 === 0 && size() > sizes[sizes.length - 1]) sizes.push(size());
  }
  console.log(JSON.stringify(sizes));
`;

describe('the flags for the engine', () => {
  it('are known to it, and the space for new objects is at its full size after one step', () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', PROGRAM, '--', ENGINE_FLAGS], { encoding: 'utf8' });
    expect(stderr).toBe('');
    // The first time it only gets its second half.
    const [, , grown = 0] = JSON.parse(stdout) as number[];
    expect(grown).toBeGreaterThanOrEqual(16 << 20);
  });
});
