// Writes docs/reasons.md: every reason for which the gateway answers, resets or gives up by itself. Run it after a change of
// the reasons, on built packages: `node scripts/reasons-doc.mjs`. A test holds the committed file to what this would write.
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { errorCodeName } from '@glassway/h2-core';
import { inRoot } from './lib/workspace.mjs';

/** The text of docs/reasons.md for the gateway's `REASONS`. */
export function reasonsDoc(reasons) {
  const rows = Object.entries(reasons).map(([code, { status, h2Code, rfc, means, action }]) =>
    [`\`${code}\``, status, errorCodeName(h2Code), rfc || '–', means, action].join(' | '),
  );
  return `# Reasons

<!-- Written by scripts/reasons-doc.mjs. -->

Whatever the gateway answers, resets or gives up by itself has a reason with a code that does not change between versions.
The same code stands

- in the access log: \`reason=no_route rule=no-route rfc=9110:15.5.5\`, as JSON \`"reason"\`, \`"rule"\`, \`"rfc"\` and \`"message"\`;
- in the metric \`glassway_reasons_total{reason,rule}\`;
- in the inspector, at the stream or connection;
- in the body of the response: \`404 no_route ...\`, as JSON for clients that accept it, as \`grpc-message\` for gRPC;
- with \`--reason-header glassway-reason\` in that field of the response: \`no_route;rule="no-route";rfc="9110 15.5.5"\`.

*Rule* is more exact where a code covers many: the id of the rule of HTTP/2 that was broken ([errors.md](errors.md)), or one of the
gateway's own, such as \`http1.host-twice\`. *Status* is that of the response when none had begun; a response that has begun is
cut off by RST_STREAM with the error code, on HTTP/1.1 by closing the connection. RST_STREAM to a backend is always CANCEL, for
the reason that stands at the client's stream. What is done to a connection (GOAWAY), or to a stream that never became a
request, has a line of its own in the access log.

| reason | status | error code | RFC | what happened | what to do |
|---|---|---|---|---|---|
${rows.map(row => `| ${row} |`).join('\n')}
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { REASONS } = await import(inRoot('apps/gateway/dist/exchange/reason.js'));
  writeFileSync(inRoot('docs/reasons.md'), reasonsDoc(REASONS));
}
