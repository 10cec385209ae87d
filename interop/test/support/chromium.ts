/** The browser. */
import { type Browser, chromium } from 'playwright';
import { CHROMIUM_ARGS } from '../../peers/chromium-args.mjs';
import { which } from '../../peers/programs.ts';
import { isOnCi } from './programs.ts';

/** The system's, when there is one; otherwise Playwright's own. */
const path = process.env['GLASSWAY_CHROMIUM'] ?? which('chromium') ?? undefined;

/** False: tests with it are skipped. */
export const hasBrowser: boolean = path !== undefined || which(chromium.executablePath()) !== null;
if (!hasBrowser && isOnCi) throw new Error('chromium is missing; CI runs with every peer');

/** Starts it without a window. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    ...(path === undefined ? {} : { executablePath: path }),
    args: CHROMIUM_ARGS,
  });
}
