/** The backends of `glassway demo`, so that a fresh checkout shows a living inspector. */
import type { Settings } from '../config/settings.ts';
import { startSite } from './site.ts';
import { STREAMS_PREFIXES, startStreams } from './streams.ts';

/** Backends that are running, and which paths go where. */
export interface Demo {
  readonly routes: readonly { readonly prefix: string; readonly to: readonly string[] }[];
  /** What the gateway is to be set to for it, apart from the routes; absent: nothing. */
  readonly adapt?: (settings: Settings) => Settings;
  /** Stops the backends at once. */
  close(): Promise<void>;
}

/** Starts them on free ports of this machine. */
export async function startDemo(): Promise<Demo> {
  const site = await startSite();
  const streams = await startStreams();
  const streamsUrl = `h2c://127.0.0.1:${streams.port}`;
  return {
    routes: [
      { prefix: '/', to: [`http://127.0.0.1:${site.port}`] },
      ...STREAMS_PREFIXES.map(prefix => ({ prefix, to: [streamsUrl] })),
    ],
    close: async () => {
      await Promise.all([site.close(), streams.close()]);
    },
  };
}
