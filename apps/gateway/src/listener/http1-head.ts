/** HTTP/1 heads that do not go through Node's response objects: 1xx, tunnels, and answers to what is no request. */
import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import type { FieldList } from '@glassway/h2-core';

/**
 * Status line and field lines with the empty line at the end, to be written as latin1. Throws a TypeError for a name or
 * value that would change the framing, such as one with a line break.
 */
export function responseHead(status: number, fields: FieldList): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}

/** Whether a field is there; `name` in lower case. */
export function hasField(fields: FieldList, name: string): boolean {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return true;
  return false;
}

/** The list without one field; the same list when it was not there. */
export function withoutField(fields: FieldList, name: string): FieldList {
  if (!hasField(fields, name)) return fields;
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] !== name) kept.push(fields[i]!, fields[i + 1]!);
  return kept;
}
