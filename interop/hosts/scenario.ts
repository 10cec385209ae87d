/**
 * What has to work in every host and over every transport: a server and a client at the two ends of one transport, and each
 * check a conversation of theirs. Nothing here belongs to a host; tests run it in Node, Chromium, Bun and Deno.
 */
import { BODIES } from './bodies.ts';
import { within } from './check.ts';
import { CONNECTION } from './connection.ts';
import type { Check, Open } from './conversation.ts';
import { STREAMS } from './streams.ts';

/** The checks, in order. */
export const CHECKS: Readonly<Record<string, Check>> = { ...BODIES, ...STREAMS, ...CONNECTION };

/** How a check went; null: well. */
export interface Outcome {
  readonly name: string;
  readonly failure: string | null;
}

/** Runs one check, which may take 20 seconds. */
export async function runCheck(name: string, open: Open): Promise<Outcome> {
  try {
    await within(20_000, (CHECKS[name] as Check)(open));
    return { name, failure: null };
  } catch (error) {
    const { stack, message } = error as Error;
    return { name, failure: stack?.includes(message) ? stack : `${message}\n${stack}` };
  }
}

/** Runs all checks, one after the other. */
export async function runAll(open: Open): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of Object.keys(CHECKS)) outcomes.push(await runCheck(name, open));
  return outcomes;
}
