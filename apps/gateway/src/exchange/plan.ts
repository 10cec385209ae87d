import type { FieldList } from '@glassway/h2-core';
import { type ForwardPolicy, forwardRequest } from '../fields.ts';
import { replacePrefix } from '../routing/answers.ts';
import { editFields } from '../routing/field-edit.ts';
import { countsHops, hopsLeft, lastHop, withOneHopLess } from '../routing/max-forwards.ts';
import { normalizePath } from '../routing/path.ts';
import { coveredReading, type Forward, type Route, type Router } from '../routing/router.ts';
import type { ClientFacts, RequestMessage } from './legs.ts';
import type { OwnResponse } from './own-response.ts';
import { type Reason, reason } from './reason.ts';

/** What is to become of a request. */
export type Plan =
  | { readonly kind: 'refuse'; readonly why: Reason }
  /** `route` null: no route was asked. */
  | { readonly kind: 'answer'; readonly response: OwnResponse; readonly route: Route | null }
  /** `message` is the request as it goes to the backends. */
  | { readonly kind: 'forward'; readonly route: Route; readonly forward: Forward; readonly message: RequestMessage };

/** What a plan is made by. */
export interface PlanContext {
  readonly router: Router;
  readonly policy: ForwardPolicy;
  readonly heldBytes: number;
  readonly maxHeldBytes: number;
}

/** Adds the gateway's place in a distributed trace to what goes to a backend. */
export interface Tracing {
  traced(fields: FieldList): FieldList;
}

/** Decides, for a request that was read without fault. */
export function planOf(context: PlanContext, request: RequestMessage, client: ClientFacts, tracing: Tracing): Plan {
  const { router, policy, heldBytes, maxHeldBytes } = context;
  const { method, scheme, authority, hasBody, contentLength, protocol = '' } = request;
  if (method === 'CONNECT') {
    return refuse(reason('connect_refused', 'CONNECT is not offered here', { rfc: '9110 9.3.6' }));
  }
  const path = normalizePath(request.path);
  if (path === null) {
    const text = `the path ${request.path} has no safe reading`;
    return refuse(reason('request_rejected', text, { rfc: '3986 2.1', rule: 'request.path' }));
  }
  if (maxHeldBytes > 0 && heldBytes > maxHeldBytes) {
    const text = `${heldBytes} octets are held for slow peers, more than limits.maxBufferedBytes`;
    return refuse(reason('overloaded', text, { rfc: '9110 15.6.4' }));
  }
  const hops = countsHops(method) ? hopsLeft(request.fields) : -1;
  if (hops === 0) return { kind: 'answer', response: lastHop(request), route: null };
  const route = router.match(request, path);
  if (route === null) return refuse(reason('no_route', `no backend serves ${authority}${path}`));
  const { action } = route;
  if (action.kind === 'answer') {
    return { kind: 'answer', response: action.make(request, coveredReading(route, path)), route };
  }
  const forwarded = forwardRequest(request, client, policy);
  if (forwarded.refused !== null) return refuse(forwarded.refused);
  const { sensitive } = forwarded;
  const fields = tracing.traced(hops > 0 ? withOneHopLess(forwarded.fields) : forwarded.fields);
  const { rewritePrefix } = action;
  const target =
    rewritePrefix === null ? path : replacePrefix(coveredReading(route, path), route.prefix, rewritePrefix);
  const message = { method, scheme, authority, path: target, fields, sensitive, hasBody, contentLength, protocol };
  const edited = action.request === null ? message : editFields(message, action.request);
  return { kind: 'forward', route, forward: action, message: edited };
}

function refuse(why: Reason): Plan {
  return { kind: 'refuse', why };
}
