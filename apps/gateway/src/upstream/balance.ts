/** How a pool chooses among its members. None of these allocates. */
import type { PoolSettings } from '../config/pool-settings.ts';
import type { ClientFacts, RequestMessage } from '../exchange/legs.ts';
import { hashText, type Member } from './member.ts';

/** Chooses among members; at least one. */
export type Balancer = (members: readonly Member[], request: RequestMessage, client: ClientFacts) => Member;

/** The balancer that settings ask for. */
export function balancerFor({ balance, hashOn }: Pick<PoolSettings, 'balance' | 'hashOn'>): Balancer {
  switch (balance) {
    case 'round-robin':
      return roundRobin;
    case 'least-requests':
      return leastRequests();
    case 'random-two':
      return randomTwo(Math.random);
    case 'hash':
      return byHash(hashOn);
    default:
      return balance satisfies never;
  }
}

/** In turns by weight, smoothly: with weights 5 and 1 the one does not wait for five of the other in a row. */
function roundRobin(members: readonly Member[]): Member {
  let best = members[0]!;
  let total = 0;
  for (let i = 0; i < members.length; i++) {
    const member = members[i]!;
    total += member.weight;
    member.turn += member.weight;
    if (member.turn > best.turn) best = member;
  }
  best.turn -= total;
  return best;
}

/** The fewest requests under way for its weight; among equals in turns, or the first would get all when there is little to do. */
function leastRequests(): Balancer {
  let start = 0;
  return members => {
    const { length } = members;
    start = start + 1 >= length ? 0 : start + 1;
    let best = members[start]!;
    for (let i = 1; i < length; i++) {
      const member = members[(start + i) % length]!;
      if (load(member) < load(best)) best = member;
    }
    return best;
  };
}

function load({ inFlight, weight }: Member): number {
  return inFlight / weight;
}

/** The better of two at random, which needs no agreement among gateways and avoids their all choosing the same. */
export function randomTwo(random: () => number): Balancer {
  const one = (members: readonly Member[], total: number): Member => {
    let point = random() * total;
    let index = 0;
    for (; index < members.length - 1; index++) {
      point -= members[index]!.weight;
      if (point < 0) break;
    }
    return members[index]!;
  };
  return members => {
    let total = 0;
    for (let i = 0; i < members.length; i++) total += members[i]!.weight;
    const first = one(members, total);
    const second = one(members, total);
    return load(first) <= load(second) ? first : second;
  };
}

/**
 * Rendezvous hashing: each member has a score of its own for the key, and the greatest gets it. A member that comes or goes
 * moves only its own share of the keys. A request without the field goes by the client's address.
 */
function byHash(hashOn: string): Balancer {
  const keyOf = keyReader(hashOn);
  return (members, request, client) => {
    const key = keyOf(request) || client.address;
    let best = members[0]!;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      // Uniform in (0, 1), so that the logarithm gives weights their exact share.
      const uniform = (mix(hashText(key, member.seed)) + 1) / 2 ** 32;
      const score = -member.weight / Math.log(uniform);
      if (score > highest) {
        highest = score;
        best = member;
      }
    }
    return best;
  };
}

/** FNV leaves its last letters in the low bits; murmur3's finaliser spreads them. Result below 2^32 - 1. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return Math.min((h ^ (h >>> 16)) >>> 0, 2 ** 32 - 2);
}

function keyReader(hashOn: string): (request: RequestMessage) => string {
  const [kind, name = ''] = hashOn.split(':');
  if (kind === 'header') return request => fieldValue(request, name.toLowerCase());
  if (kind === 'cookie') return request => cookieValue(fieldValue(request, 'cookie'), name);
  return () => '';
}

function fieldValue({ fields }: RequestMessage, name: string): string {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]!;
  return '';
}

function cookieValue(cookies: string, name: string): string {
  for (let from = 0; from < cookies.length; ) {
    const end = cookies.indexOf(';', from);
    const until = end === -1 ? cookies.length : end;
    while (cookies[from] === ' ') from++;
    if (cookies.startsWith(name, from) && cookies[from + name.length] === '=') {
      return cookies.slice(from + name.length + 1, until).trim();
    }
    from = until + 1;
  }
  return '';
}
