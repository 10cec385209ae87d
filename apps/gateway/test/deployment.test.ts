/** The files in deploy/ agree with the gateway and with each other. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadSettings } from '../src/config/load.ts';
import type { Settings } from '../src/config/settings.ts';
import { itWith } from './support/peers.ts';

const root = (path: string): string => new URL(`../../../${path}`, import.meta.url).pathname;
const read = (path: string): string => readFileSync(root(path), 'utf8');

async function settingsOf(text: string): Promise<Settings> {
  const directory = await mkdtemp(join(tmpdir(), 'glassway-deploy-'));
  const configFile = join(directory, 'glassway.yaml');
  await writeFile(configFile, text);
  const { settings } = await loadSettings({ configFile, overrides: [], needsBackends: true });
  await rm(directory, { recursive: true });
  return settings;
}

const portOf = (address: unknown): number => (address as { port: number }).port;
const drainSeconds = ({ drainDelayMs, drainTimeoutMs }: Settings): number => (drainDelayMs + drainTimeoutMs) / 1000;

it('the configuration to begin with is valid', async () => {
  expect(await settingsOf(read('deploy/glassway.yaml'))).toMatchObject({ inspector: null, accessLog: '-' });
});

describe('systemd', () => {
  const unit = read('deploy/glassway.service');

  it('stops later than the gateway, and reloads by the signal it listens to', async () => {
    const settings = await settingsOf(read('deploy/glassway.yaml'));
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1])).toBeGreaterThan(drainSeconds(settings));
    expect(unit).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
    expect(unit).toMatch(/^KillMode=mixed$/m);
  });

  it('starts what is there', () => {
    const [, script] = /^ExecStart=\/usr\/bin\/node \/opt\/glassway\/(\S+)/m.exec(unit)!;
    expect(existsSync(root(script!))).toBe(true);
  });

  itWith('systemd-analyze', 'finds nothing wrong with the unit', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'glassway-unit-'));
    const file = join(directory, 'glassway.service');
    // What it starts is not installed here.
    const here = unit.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true').replace(/^Documentation=.*\n/m, '');
    await writeFile(file, here);
    const { stderr } = await promisify(execFile)('systemd-analyze', ['verify', '--man=no', file]);
    expect(stderr.split('\n').filter(line => line.includes('glassway.service'))).toEqual([]);
    await rm(directory, { recursive: true });
  });
});

describe('the container file', () => {
  const lines = read('deploy/Containerfile')
    .replace(/ *\\\n */g, ' ')
    .split('\n')
    .filter(line => /^[A-Z]+ /.test(line));
  const all = (word: string): string[] =>
    lines.filter(line => line.startsWith(`${word} `)).map(line => line.slice(word.length + 1));
  interface Manifest {
    readonly name: string;
    readonly bin?: Readonly<Record<string, string>>;
    readonly files: readonly string[];
    readonly dependencies?: Readonly<Record<string, string>>;
  }
  const manifest = (directory: string): Manifest => JSON.parse(read(`${directory}/package.json`)) as Manifest;

  it('packs the gateway with every package of this repository that it needs, and starts its command', () => {
    const [, , pack] = all('RUN');
    const packed = [...pack!.matchAll(/ -w (\S+)/g)].map(([, directory]) => manifest(directory!));
    const ours = (each: Manifest): string[] =>
      Object.keys(each.dependencies ?? {}).filter(name => name.startsWith('@glassway/'));
    const needed = new Set(['@glassway/gateway', ...packed.flatMap(ours)]);
    expect(packed.map(({ name }) => name).sort()).toEqual([...needed].sort());
    const { name, bin, files } = packed.find(each => each.name === '@glassway/gateway')!;
    const script = bin!['glassway']!.replace(/^\.\//, '');
    expect(JSON.parse(all('ENTRYPOINT')[0]!)).toEqual(['node', `/opt/glassway/node_modules/${name}/${script}`]);
    expect(files).toEqual(expect.arrayContaining(['bin', 'dist']));
    expect(pack).toContain('npm install --prefix /opt/glassway ');
    expect([all('WORKDIR').at(-1), all('COPY').at(-1)]).toEqual(['/opt/glassway', '--from=build /opt/glassway .']);
  });

  it('runs scripts that exist, with a Node that the gateway supports, as nobody', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(all('RUN').slice(0, 2)).toEqual(['npm ci --no-audit --no-fund', 'npm run build']);
    expect(scripts['build']).toBeDefined();
    for (const from of all('FROM')) expect(Number(/node:(\d+)/.exec(from)![1])).toBeGreaterThanOrEqual(20);
    expect(all('USER')[0]).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(all('STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  it('exposes the ports of the configuration to begin with', async () => {
    const { https, http, admin } = await settingsOf(read('deploy/glassway.yaml'));
    expect(all('EXPOSE')[0]!.split(' ').map(Number)).toEqual([https, http, admin].map(portOf));
  });
});

describe('the Kubernetes manifests', () => {
  const documents = ['deployment', 'service'].flatMap(name =>
    parseAllDocuments(read(`deploy/kubernetes/${name}.yaml`)).map(document => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    }),
  );
  const find = (kind: string) => documents.find(document => document.kind === kind);
  const pod = find('Deployment').spec.template;
  const [container] = pod.spec.containers;
  const text: string = find('ConfigMap').data['glassway.yaml'];

  it('carry a valid configuration, whose ports are the container’s', async () => {
    const settings = await settingsOf(text);
    const ports = Object.fromEntries(
      container.ports.map((each: { name: string; containerPort: number }) => [each.name, each.containerPort]),
    );
    expect(ports).toEqual({
      https: portOf(settings.https),
      http: portOf(settings.http),
      admin: portOf(settings.admin),
    });
    expect(pod.metadata.annotations['prometheus.io/port']).toBe(String(portOf(settings.admin)));
  });

  it('mount every file the configuration names', () => {
    const { cert, key, adminTokenFile } = parse(text);
    const mounts: string[] = container.volumeMounts.map((each: { mountPath: string }) => each.mountPath);
    for (const file of [cert, key, adminTokenFile, container.args[1]]) {
      expect(
        mounts.some(mount => file === mount || file.startsWith(`${mount}/`)),
        file,
      ).toBe(true);
    }
    const volumes = pod.spec.volumes.map((each: { name: string }) => each.name);
    expect(container.volumeMounts.map((each: { name: string }) => each.name).sort()).toEqual(volumes.sort());
  });

  it('probe what the admin listener serves, and wait longer than the gateway takes to stop', async () => {
    const settings = await settingsOf(text);
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'admin' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' });
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds(settings));
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(settings.drainDelayMs / 1000).toBeGreaterThan(periodSeconds * failureThreshold);
  });

  it('select the Pods they make, and the Service names ports that exist', () => {
    const { labels } = pod.metadata;
    expect(find('Deployment').spec.selector.matchLabels).toEqual(labels);
    expect(find('Service').spec.selector).toEqual(labels);
    expect(find('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels);
    const names = container.ports.map((each: { name: string }) => each.name);
    for (const { targetPort } of find('Service').spec.ports) expect(names).toContain(targetPort);
  });
});
