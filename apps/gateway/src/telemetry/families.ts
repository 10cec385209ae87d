/** Metrics as Prometheus takes them: families of samples, made when somebody asks; the data path only adds to numbers. */

/** One number with its labels. */
export interface Sample {
  /** Appended to the family's name: `_bucket`, `_sum`, `_count`; empty for all else. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples of one name. */
export interface Family {
  /** With its unit and, for counters, `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Gives families when asked. */
export type Collector = () => readonly Family[];

/** A family of one number, or of one per label set. */
export function family(
  name: string,
  type: Family['type'],
  help: string,
  samples: number | readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
): Family {
  const list = typeof samples === 'number' ? ([[{}, samples]] as const) : samples;
  return { name, type, help, samples: list.map(([labels, value]) => ({ suffix: '', labels, value })) };
}

/** Adds up the same families of several processes. Samples of one process only must carry a label of their own. */
export function mergeFamilies(all: readonly (readonly Family[])[]): Family[] {
  const merged = new Map<string, { family: Family; samples: Map<string, Sample> }>();
  for (const each of all.flat()) {
    let entry = merged.get(each.name);
    if (entry === undefined) {
      entry = { family: each, samples: new Map() };
      merged.set(each.name, entry);
    }
    for (const sample of each.samples) {
      const key = sample.suffix + labelText(sample.labels);
      const before = entry.samples.get(key)?.value ?? 0;
      entry.samples.set(key, { ...sample, value: before + sample.value });
    }
  }
  return [...merged.values()].map(({ family, samples }) => ({ ...family, samples: [...samples.values()] }));
}

/** The text exposition format, version 0.0.4. */
export function renderFamilies(families: readonly Family[]): string {
  let text = '';
  for (const { name, type, help, samples } of families) {
    text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
    for (const { suffix, labels, value } of samples) text += `${name}${suffix}${labelText(labels)} ${value}\n`;
  }
  return text;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
