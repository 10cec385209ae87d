/** A recorded request as a command line, to be sent again by hand. */
import { type Field, SectionKind } from '@glassway/inspector-protocol';
import type { StreamDetail } from '../feed/model.ts';

/** Programs that a request can be written for. */
export const REQUEST_TOOLS = ['curl', 'nghttp', 'grpcurl'] as const;
/** One of `REQUEST_TOOLS`. */
export type RequestTool = (typeof REQUEST_TOOLS)[number];

/* Made by the tool itself, or of no sense in a new request. */
const LEFT_OUT = new Set(['content-length', 'host', 'te', 'connection', 'upgrade', 'http2-settings', 'user-agent']);
/** What stands for a value that the gateway did not record. */
const REDACTED = 'REDACTED';

/**
 * The command, null when the request's fields are not known, or (grpcurl) when it is no gRPC call. Bodies were not recorded:
 * a request that had one gets an empty one.
 */
export function requestCommand(tool: RequestTool, detail: StreamDetail): string | null {
  const section = detail.sections.find(({ kind }) => kind === SectionKind.REQUEST);
  if (section === undefined) return null;
  const pseudo = (name: string): string => section.fields.find(field => field.name === name)?.value ?? '';
  const scheme = pseudo(':scheme') === 'https' ? 'https' : 'http';
  const authority = pseudo(':authority') || (section.fields.find(field => field.name === 'host')?.value ?? '');
  const { path } = detail.facts;
  const method = detail.facts.method || 'GET';
  if (authority === '' || unsafe(authority + path + method)) return null;
  const fields = section.fields.filter(field => isSent(field));
  const content = fields.find(({ name }) => name === 'content-type')?.value ?? '';
  const secure = scheme === 'https';
  const hasBody = detail.stateRow.bytesReceived + detail.stateRow.bytesSent > 0 && /^(?:POST|PUT|PATCH)$/.test(method);
  switch (tool) {
    case 'curl': {
      const version = detail.protocol === 'http/1.1' ? '--http1.1' : secure ? '--http2' : '--http2-prior-knowledge';
      const parts = ['curl', '-v', ...(secure ? ['-k'] : []), version];
      if (method === 'HEAD') parts.push('--head');
      else if (method !== 'GET') parts.push('-X', quoted(method));
      for (const field of fields) parts.push('-H', quoted(lineOf(field)));
      if (hasBody) parts.push('--data-binary', quoted(''));
      return [...parts, quoted(`${scheme}://${authority}${path}`)].join(' ');
    }
    case 'nghttp': {
      const parts = ['nghttp', '-v'];
      if (method !== 'GET') parts.push('-H', quoted(`:method: ${method}`));
      for (const field of fields) parts.push('-H', quoted(lineOf(field)));
      return [...parts, quoted(`${scheme}://${authority}${path}`)].join(' ');
    }
    case 'grpcurl': {
      const name = /^\/([^/]+\/[^/]+)$/.exec(path)?.[1];
      if (name === undefined || !content.startsWith('application/grpc')) return null;
      const parts = ['grpcurl', secure ? '-insecure' : '-plaintext'];
      for (const field of fields) {
        if (/^(?:content-type|grpc-)/.test(field.name)) continue;
        parts.push('-H', quoted(lineOf(field)));
      }
      return [...parts, '-d', quoted('{}'), quoted(authority), quoted(name)].join(' ');
    }
  }
}

function isSent(field: Field): boolean {
  if (field.name.startsWith(':') || LEFT_OUT.has(field.name)) return false;
  // The gateway's own additions would be added once more.
  if (field.name === 'via' || field.name.startsWith('x-forwarded-') || field.name === 'forwarded') return false;
  return !unsafe(field.name + field.value);
}

function lineOf(field: Field): string {
  return `${field.name}: ${field.redacted === null ? field.value : REDACTED}`;
}

/** Control and direction characters: they would act on the terminal that this is pasted into. */
function unsafe(text: string): boolean {
  return /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text);
}

/** For a POSIX shell. What needs no quotes gets none. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
