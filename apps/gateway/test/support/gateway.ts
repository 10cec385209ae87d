/** A whole gateway for a test, and the application behind it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { Logger } from '../../src/log.ts';
import { PATIENCE_MS } from './patience.ts';

/** A line of the JSON access log. */
export interface LogLine {
  readonly [key: string]: unknown;
}

/** One gateway in cleartext with its access log in a file. */
export class TestGateway {
  readonly gateway: Gateway;
  /** What the gateway told the operator. */
  readonly told: readonly string[];
  readonly #directory: string;

  private constructor(gateway: Gateway, told: readonly string[], directory: string) {
    this.gateway = gateway;
    this.told = told;
    this.#directory = directory;
  }

  static async start(to: readonly string[], over: Partial<Settings> = {}): Promise<TestGateway> {
    const directory = await mkdtemp(join(tmpdir(), 'glassway-ops-'));
    const told: string[] = [];
    const settings: Settings = {
      ...DEFAULT_SETTINGS,
      to,
      https: null,
      http: { host: '127.0.0.1', port: 0 },
      inspector: null,
      accessLog: join(directory, 'access.log'),
      accessLogFormat: 'json',
      ...over,
    };
    const logger = new Logger('info', line => void told.push(line));
    return new TestGateway(await startGateway(settings, { logger }), told, directory);
  }

  get port(): number {
    return (this.gateway.http as { port: number }).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Lines written so far. */
  async lines(): Promise<LogLine[]> {
    const text = await readFile(join(this.#directory, 'access.log'), 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as LogLine);
  }

  /** The first line that has these members, when it is there. */
  async line(wanted: LogLine): Promise<LogLine> {
    for (const began = Date.now(); Date.now() - began < PATIENCE_MS; ) {
      const found = (await this.lines()).find(line =>
        Object.entries(wanted).every(([key, value]) => line[key] === value),
      );
      if (found !== undefined) return found;
      // The log writes in batches and has no event for readers.
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    throw new Error(
      `no line ${JSON.stringify(wanted)} among\n${(await this.lines()).map(each => JSON.stringify(each)).join('\n')}`,
    );
  }

  async stop(deadlineMs = 0): Promise<void> {
    await this.gateway.close(deadlineMs);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** An HTTP/1.1 application on a free port. */
export async function startApp(
  listener: RequestListener,
): Promise<{ url: string; server: Server; close: () => Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, close };
}
