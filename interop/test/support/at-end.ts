import { afterAll } from 'vitest';

const tasks: (() => unknown)[] = [];

/** Has something undone when the tests of the file are over, the last first. */
export function atEnd(task: () => unknown): void {
  tasks.push(task);
}

afterAll(async () => {
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) await task();
});
