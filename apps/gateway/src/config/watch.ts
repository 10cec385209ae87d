import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Logger } from '../log.ts';
import { type Given, loadSettings } from './load.ts';
import type { Settings } from './settings.ts';

/** How often the file is looked at, ms. */
const LOOK_MS = 1000;
/** A file that has changed is looked at again after this share of that time: somebody may still be writing it. */
const SETTLE = 0.2;

/** What reads the settings again. */
export interface Reloader {
  /** Reads and applies them now. Never rejects: what is wrong is logged, and everything stays as it was. */
  reload(): Promise<void>;
  /** No more looks at the file. */
  stop(): void;
}

/** Puts settings in force; answers their revision and which settings need a restart. */
export type Apply = (
  settings: Settings,
) => Promise<{ readonly revision: number; readonly needRestart: readonly string[] }>;

/**
 * Reads the settings again on demand and, with `watch`, whenever the file's content has changed from `text` and stays so, since
 * half of a file may be good YAML that says something else. It reads the file rather than
 * waiting for events of the file system: that sees mounted secrets, network file systems and swapped symbolic links.
 */
export function reloader(
  given: Given,
  text: string,
  watch: boolean,
  apply: Apply,
  logger: Logger,
  lookMs: number = LOOK_MS,
): Reloader {
  const { configFile } = given;
  let seen = digestOf(text);
  /** What was found at the last look and is not used yet. */
  let fresh: string | null = null;
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  let busy: Promise<void> = Promise.resolve();

  const reload = async (): Promise<void> => {
    try {
      const { settings, text: read } = await loadSettings(given);
      // Also what was asked for by hand is not read again for having changed.
      seen = digestOf(read);
      const { revision, needRestart } = await apply(settings);
      const rest = needRestart.length === 0 ? '' : `; a restart is needed for ${needRestart.join(', ')}`;
      logger.info(`settings reloaded, revision ${revision}${rest}`);
    } catch (error) {
      for (const line of (error as Error).message.split('\n')) logger.error(line);
      logger.error('the new settings are not used, everything stays as it was');
    }
  };
  const look = async (): Promise<void> => {
    const now = await digest(configFile!);
    const before = fresh;
    // A file that is being replaced may be missing or empty for a moment.
    fresh = now === seen ? null : now;
    if (now === null || fresh === null || fresh !== before) return;
    fresh = null;
    seen = now;
    await reload();
  };
  const schedule = (): void => {
    if (stopped) return;
    const pause = fresh === null ? lookMs : lookMs * SETTLE;
    timer = setTimeout(() => {
      busy = busy.then(look).finally(schedule);
    }, pause).unref();
  };
  if (configFile !== null && watch) schedule();
  return {
    reload: () => {
      busy = busy.then(reload);
      return busy;
    },
    stop: () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

async function digest(path: string): Promise<string | null> {
  const content = await readFile(path, 'utf8').catch(() => null);
  return content === null || content === '' ? null : digestOf(content);
}

function digestOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
