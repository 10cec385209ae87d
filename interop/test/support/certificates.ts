import { DevelopmentCa } from '@glassway/tls-alpn';
import { scratch } from './programs.ts';

let shared: Promise<DevelopmentCa> | null = null;

/** The authority of a test file. */
export function sharedCa(): Promise<DevelopmentCa> {
  shared ??= DevelopmentCa.open({ directory: scratch() });
  return shared;
}
