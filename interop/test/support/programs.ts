/** The programs that other people wrote. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A missing peer fails the tests where this is true, and skips them otherwise. */
export const isOnCi = process.env['CI'] === 'true';

/** Directories that hold servers but are not on an ordinary user's path. */
const SERVER_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin'];

/** Full path of a program, or null. */
export function which(name: string): string | null {
  for (const directory of ['', ...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_DIRECTORIES]) {
    const file = directory === '' ? name : join(directory, name);
    try {
      if (directory === '' && !file.startsWith('/')) continue;
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this one.
    }
  }
  return null;
}
