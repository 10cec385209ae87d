/** Which programs put a root certificate into the trust stores of this machine, and take it out again. */
import { join } from 'node:path';

/** What is known of the machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly isRoot: boolean;
  exists(path: string): boolean;
  /** Names in a directory, none when it cannot be read. */
  list(directory: string): readonly string[];
  /** Whether a program can be found. */
  has(program: string): boolean;
}

/** The certificate. */
export interface Root {
  readonly path: string;
  /** What stores call it. */
  readonly name: string;
}

/** What is done to one store. */
export interface Step {
  /** For people: `the system's store`. */
  readonly store: string;
  /** Programs with their arguments, in order. */
  readonly commands: readonly (readonly string[])[];
  /** Only the superuser may do it, and we are not. */
  readonly needsRoot: boolean;
}

/** System stores of Linux distributions: where certificates are put, and the program that takes them in. */
const LINUX: readonly { readonly directory: string; readonly update: readonly string[] }[] = [
  { directory: '/usr/local/share/ca-certificates', update: ['update-ca-certificates'] },
  { directory: '/etc/pki/ca-trust/source/anchors', update: ['update-ca-trust', 'extract'] },
  { directory: '/etc/ca-certificates/trust-source/anchors', update: ['trust', 'extract-compat'] },
];

/** The steps that trust a root, or end the trust in it. */
export function trustSteps(action: 'trust' | 'untrust', machine: Machine, root: Root): Step[] {
  const isTrust = action === 'trust';
  if (machine.platform === 'darwin') {
    const keychain = join(machine.home, 'Library/Keychains/login.keychain-db');
    const command = isTrust
      ? ['security', 'add-trusted-cert', '-r', 'trustRoot', '-k', keychain, root.path]
      : ['security', 'remove-trusted-cert', root.path];
    return [
      { store: 'the login keychain', commands: [command], needsRoot: false },
      ...nssSteps(isTrust, machine, root),
    ];
  }
  if (machine.platform === 'win32') {
    const command = isTrust ? ['-addstore', 'Root', root.path] : ['-delstore', 'Root', root.name];
    return [{ store: "the user's store", commands: [['certutil', '-user', ...command]], needsRoot: false }];
  }
  return [...linuxSteps(isTrust, machine, root), ...nssSteps(isTrust, machine, root)];
}

function linuxSteps(isTrust: boolean, machine: Machine, root: Root): Step[] {
  const found = LINUX.find(({ directory, update }) => machine.exists(directory) && machine.has(update[0]!));
  if (found === undefined) return [];
  const path = join(found.directory, `${root.name.toLowerCase().replaceAll(' ', '-')}.crt`);
  if (!isTrust && !machine.exists(path)) return [];
  const change = isTrust ? ['cp', root.path, path] : ['rm', '-f', path];
  return [{ store: "the system's store", commands: [change, found.update], needsRoot: !machine.isRoot }];
}

/** Chromium on Linux and Firefox everywhere have stores of their own, in the format of NSS. */
function nssSteps(isTrust: boolean, machine: Machine, root: Root): Step[] {
  const stores: (readonly [name: string, directory: string])[] = [['Chromium', join(machine.home, '.pki/nssdb')]];
  const profiles = [
    '.mozilla/firefox',
    'snap/firefox/common/.mozilla/firefox',
    'Library/Application Support/Firefox/Profiles',
  ];
  for (const parent of profiles.map(each => join(machine.home, each))) {
    for (const profile of machine.list(parent)) stores.push([`Firefox (${profile})`, join(parent, profile)]);
  }
  return stores
    .filter(([, directory]) => machine.exists(join(directory, 'cert9.db')))
    .map(([store, directory]) => ({
      store,
      commands: [
        isTrust
          ? ['certutil', '-A', '-d', `sql:${directory}`, '-t', 'C,,', '-n', root.name, '-i', root.path]
          : ['certutil', '-D', '-d', `sql:${directory}`, '-n', root.name],
      ],
      needsRoot: false,
    }));
}
