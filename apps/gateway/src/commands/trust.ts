/** `glassway trust` and `glassway untrust`: the development authority's root in the trust stores of this machine. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { CERTIFICATE_FILE, DevelopmentCa, defaultCaDirectory } from '@glassway/tls-alpn';
import { type Machine, type Root, type Step, trustSteps } from './trust-stores.ts';

/** This machine. */
export function thisMachine(): Machine {
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return {
    platform: process.platform,
    home: process.env['HOME'] ?? homedir(),
    isRoot: process.getuid?.() === 0,
    exists: existsSync,
    list: directory => {
      try {
        return readdirSync(directory);
      } catch {
        return [];
      }
    },
    has: program => path.some(directory => isExecutable(join(directory, program))),
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program; rejects with what it complained about. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<void>;

const runProgram: RunProgram = (program, args) =>
  new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: 30_000 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(stderr.trim() || error.message));
    });
  });

/**
 * Trusts the root (made when there is none), or ends the trust in it. Says what was done, and what the user has to do where
 * that needs the superuser. Answers whether nothing failed.
 */
export async function changeTrust(
  action: 'trust' | 'untrust',
  print: (line: string) => void,
  machine: Machine = thisMachine(),
  directory: string = defaultCaDirectory(),
  run: RunProgram = runProgram,
): Promise<boolean> {
  const path = join(directory, CERTIFICATE_FILE);
  if (action === 'untrust' && !machine.exists(path)) {
    print(`there is no development authority in ${directory}, so nothing trusts it`);
    return true;
  }
  if (action === 'trust') await DevelopmentCa.open({ directory });
  const root = { path, name: await nameOf(path) };
  const steps = trustSteps(action, machine, root);
  let isFine = true;
  for (const step of steps) isFine = (await take(step, action, print, machine, run)) && isFine;
  if (steps.length === 0) {
    print(action === 'trust' ? `no trust store was found; import ${path} by hand` : 'no trust store has it');
  }
  return isFine;
}

async function nameOf(path: string): Promise<Root['name']> {
  const { subject } = new X509Certificate(await readFile(path));
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? 'Glassway development CA';
}

async function take(
  { store, commands, needsRoot }: Step,
  action: 'trust' | 'untrust',
  print: (line: string) => void,
  machine: Machine,
  run: RunProgram,
): Promise<boolean> {
  if (needsRoot) {
    print(`${store} needs the superuser; run:`);
    for (const command of commands) print(`  sudo ${command.map(quoted).join(' ')}`);
    return true;
  }
  const missing = commands.find(([program]) => !machine.has(program!));
  if (missing !== undefined) {
    print(
      `${store}: ${missing[0]} is not installed (Debian: libnss3-tools; Fedora: nss-tools; macOS: brew install nss)`,
    );
    return false;
  }
  try {
    for (const [program, ...args] of commands) await run(program!, args);
    print(`${store}: ${action === 'trust' ? 'trusts the development authority now' : 'no longer trusts it'}`);
    return true;
  } catch (error) {
    const { message } = error as Error;
    if (action === 'untrust' && /could not find|not found/i.test(message)) {
      print(`${store}: did not trust it`);
      return true;
    }
    print(`${store}: ${message}`);
    return false;
  }
}

/** For a shell. */
function quoted(word: string): string {
  return /^[\w./@+:=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
