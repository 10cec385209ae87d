/** Browsers without a window, each a page that runs what it is told to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHROMIUM_ARGS } from '@glassway/interop/peers/chromium-args.mjs';
import { which } from '@glassway/interop/peers/programs.ts';
import { chromium } from 'playwright';
import { WebSocket } from 'ws';

/** A page in a browser that accepts every certificate. */
export interface Browser {
  /** Opens `url` and gives what the expression, whose promise is awaited, comes to: a string. */
  evaluate(url: string, expression: string): Promise<string>;
  close(): Promise<unknown>;
}

/** The system's Chromium, when there is one; otherwise Playwright's own. */
const chromiumPath = process.env['GLASSWAY_CHROMIUM'] ?? which('chromium') ?? which(chromium.executablePath());
const firefoxPath = which('firefox-esr') ?? which('firefox');

/** False: it is not installed. */
export const hasChromium: boolean = chromiumPath !== null;
export const hasFirefox: boolean = firefoxPath !== null;

/** Starts Chromium. */
export async function startChromium(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: chromiumPath!, args: CHROMIUM_ARGS });
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  return {
    evaluate: async (url, expression) => {
      await page.goto(url);
      return String(await page.evaluate(expression));
    },
    close: () => browser.close(),
  };
}

/** What keeps a fresh profile of Firefox from asking its maker for anything. */
const QUIET = {
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.newtabpage.activity-stream.feeds.system.topstories': false,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.systemAddon.update.enabled': false,
  'messaging-system.rsexperimentloader.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  'security.OCSP.enabled': 0,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.enabled': false,
};

/** Starts Firefox and drives it by WebDriver BiDi. */
export async function startFirefox(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'glassway-firefox-'));
  const preferences = Object.entries(QUIET).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, 'user.js'), preferences.join(''));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
  const env = { ...process.env, HOME: profile };
  const child = spawn(firefoxPath!, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const close = async (): Promise<void> => {
    const ended = child.exitCode === null ? once(child, 'exit') : null;
    child.kill('SIGKILL');
    await ended;
    // Processes of its own write to the profile until they notice.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  try {
    const session = await Session.open(`${await announced(child)}/session`);
    const { contexts } = (await session.call('browsingContext.getTree', {})) as { contexts: { context: string }[] };
    const { context } = contexts[0]!;
    return {
      evaluate: async (url, expression) => {
        await session.call('browsingContext.navigate', { context, url, wait: 'complete' });
        const target = { context };
        const seen = await session.call('script.evaluate', { expression, target, awaitPromise: true });
        const { type, result, exceptionDetails } = seen as Evaluated;
        return type === 'success' ? String(result.value) : exceptionDetails.text;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An answer to `script.evaluate`. */
type Evaluated =
  | { type: 'success'; result: { value?: unknown }; exceptionDetails?: never }
  | { type: 'exception'; result?: never; exceptionDetails: { text: string } };

/** Where Firefox says that it listens. */
async function announced(child: ChildProcess): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', chunk => {
        text += String(chunk);
        const url = /BiDi listening on (ws:\S+)/.exec(text)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
    child.once('exit', () => reject(new Error(`Firefox ended at once:\n${text}`)));
  });
}

/** Commands of WebDriver BiDi, and what comes of them. */
class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', message => {
      const answer = JSON.parse(String(message)) as { id?: number; result?: unknown; error?: string; message?: string };
      const waiting = this.#waiting.get(answer.id ?? 0);
      if (answer.error === undefined) waiting?.resolve(answer.result);
      else waiting?.reject(new Error(`${answer.error}: ${answer.message}`));
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Firefox ended'));
    });
  }

  static async open(url: string): Promise<Session> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const session = new Session(socket);
    await session.call('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    return session;
  }

  call(method: string, params: object): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
