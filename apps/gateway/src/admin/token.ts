import { readFile } from 'node:fs/promises';
import { UsageProblem } from '../config/settings.ts';
import { newToken } from './guard.ts';

const MIN_CHARACTERS = 16;

/** The token of the admin API: from its file, or a new one. Throws UsageProblem when the file cannot serve. */
export async function adminToken(file: string | null): Promise<{ readonly token: string; readonly isNew: boolean }> {
  if (file === null) return { token: newToken(), isNew: true };
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageProblem(`adminTokenFile cannot be read: ${error.message}`);
  });
  const token = text.trim();
  if (token.length < MIN_CHARACTERS || !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageProblem(
      `adminTokenFile ${file}: a token has at least ${MIN_CHARACTERS} visible ASCII characters (openssl rand -hex 16)`,
    );
  }
  return { token, isNew: false };
}
