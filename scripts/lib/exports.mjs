// What the doors of a package export, read from its sources: enough of TypeScript's grammar for this repository's own style
// (one declaration at the left margin, formatted by Biome), which the reader checks as it goes.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inRoot, readJson } from './workspace.mjs';

const CLAUSE = /^export (?:type )?\{([^}]*)\} from '([^']+)';/gm;
const STAR = /^export \* from '([^']+)';/gm;
const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(class|interface|function\*?|const|let|type) ([A-Za-z_$][\w$]*)/gm;
/** A member of a class at its margin: a method, a getter, a setter or a field. */
const MEMBER =
  /^ {2}(?!private |protected |override |declare |constructor\b|\[)(?:static |abstract |readonly |async |get |set |\*)*([A-Za-z_$][\w$]*)\??(?:<[^(]*>)?\s*[(:=]/gm;

/** The doors of a package by their subpath, and the source behind each, relative to the root. */
export function doors(directory) {
  const { exports } = readJson(inRoot(directory, 'package.json'));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object' && '@glassway/source' in target)
    .map(([door, target]) => [door, join(directory, target['@glassway/source'])]);
}

/** Everything a source exports: where each name is declared, by name; a name that is a value and a type has two places. */
export function exportsOf(file, read = path => readFileSync(inRoot(path), 'utf8'), seen = new Map()) {
  const known = seen.get(file);
  if (known !== undefined) return known;
  const found = new Map();
  seen.set(file, found);
  const text = read(file);
  const target = path => (path.startsWith('.') ? join(dirname(file), path) : null);
  for (const [, list, path] of text.matchAll(CLAUSE)) {
    const from = target(path);
    const theirs = from === null ? new Map() : exportsOf(from, read, seen);
    for (const item of list
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '')) {
      const [, name, alias = name] = /^(?:type )?([\w$]+)(?: as ([\w$]+))?$/.exec(item) ?? [];
      if (from === null) continue;
      const places = theirs.get(name);
      if (places === undefined)
        throw new Error(`${file} exports ${name}, which ${from} does not declare at its margin`);
      found.set(alias, places);
    }
  }
  for (const [, path] of text.matchAll(STAR)) {
    for (const [name, places] of exportsOf(target(path), read, seen)) if (!found.has(name)) found.set(name, places);
  }
  for (const match of text.matchAll(DECLARATION)) {
    const [, kind, name] = match;
    const places = found.get(name) ?? [];
    places.push({ file, kind, name, at: match.index, text });
    found.set(name, places);
  }
  return found;
}

/** True when a doc comment ends right before this place. */
const isDocumented = (text, at) => /\*\/\s*$/.test(text.slice(0, at)) && text.lastIndexOf('/**', at) >= 0;

/** The text of a declaration, up to the line that closes it. */
function bodyOf({ text, at }) {
  const end = /^\}/m.exec(text.slice(at));
  return text.slice(at, end === null ? undefined : at + end.index);
}

/** Texts of the interfaces that a class implements, whose comments stand for its own. */
function contracts({ file, text, at }, read) {
  const [, list = ''] = / implements ([^{]+)\{/.exec(text.slice(at, text.indexOf('{\n', at) + 1)) ?? [];
  return list.split(',').flatMap(part => {
    const name = part.trim().replace(/<.*/, '');
    const [, path] = new RegExp(`import [^;]*\\b${name}\\b[^;]* from '(\\.[^']+)'`).exec(text) ?? [];
    if (path === undefined) return [];
    return (exportsOf(join(dirname(file), path), read).get(name) ?? []).map(bodyOf);
  });
}

/** What has no doc comment among a door's exports, and the public members of its classes. */
export function undocumented(file, read) {
  const missing = new Set();
  for (const [name, places] of exportsOf(file, read)) {
    for (const place of places) {
      if (!isDocumented(place.text, place.at)) missing.add(`${place.file}: ${name}`);
      if (place.kind !== 'class') continue;
      const told = new Set();
      const body = bodyOf(place);
      const promised = contracts(place, read);
      for (const member of body.matchAll(MEMBER)) {
        const isDone =
          isDocumented(body, member.index) ||
          told.has(member[1]) ||
          promised.some(text => new RegExp(`^ {2}(?:readonly )?${member[1]}[?(:]`, 'm').test(text));
        // A getter speaks for its setter, and the first signature for those after it.
        told.add(member[1]);
        if (!isDone) missing.add(`${place.file}: ${name}.${member[1]}`);
      }
    }
  }
  return [...missing].sort();
}

/**
 * Types that the declarations behind a door mention and that are not among `nameable`, as `Type (where)`. Reads what the
 * compiler wrote, where private members have no types; constructors and protected members are not the door's.
 */
export function unnameable(file, nameable, read) {
  const built = path =>
    readFileSync(inRoot(path.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts')), 'utf8').replaceAll(
      /\/\*[\s\S]*?\*\//g,
      '',
    );
  const own = exportsOf(file, read);
  const missing = new Set();
  for (const [name, places] of own) {
    for (const place of places) {
      const text = built(place.file);
      const declaration = new RegExp(
        `^export (?:declare )?(?:abstract )?(?:class|interface|function|const|type) ${place.name}\\b`,
        'm',
      );
      const at = text.search(declaration);
      if (at < 0) throw new Error(`${place.file} has not been built with ${place.name}: run npm run build`);
      const end = text.slice(at).search(/\n(?:export|\}|import|declare)/);
      const lines = text.slice(at, end < 0 ? undefined : at + end).split('\n');
      const shown = lines.filter(line => !/^\s*(?:private|protected|constructor)/.test(line)).join('\n');
      const imported = [...text.matchAll(/^import (?:type )?\{([^}]*)\} from '\./gm)].flatMap(([, list]) =>
        list.split(',').map(item => item.trim().replace(/^type /, '')),
      );
      const local = [...text.matchAll(/^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class) (\w+)/gm)].map(
        ([, other]) => other,
      );
      for (const type of [...imported, ...local]) {
        if (type === '' || type === place.name || nameable.has(type)) continue;
        if (new RegExp(`\\b${type}\\b`).test(shown)) missing.add(`${type} (${name})`);
      }
    }
  }
  return [...missing].sort();
}
