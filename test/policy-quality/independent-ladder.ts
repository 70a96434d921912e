/** Whom a ready policy hits in an access log, and when, computed from the documentation without any code of the product. */
import { type LoggedRequest, readRequest } from '../real-log/log-answers.js';

export interface Hit {
  readonly ip: string;
  readonly line: number;
  readonly stage: number;
}

export interface Rule {
  readonly counts: (request: LoggedRequest) => boolean;
  /** Of the requests within the last `ms`, in whole buckets, that belong to one address. */
  readonly isOver: (within: (ms: number) => readonly LoggedRequest[]) => boolean;
  /** How long each stage holds, ms. */
  readonly holds: readonly number[];
  readonly decayMs: number;
}

interface Client {
  readonly requests: LoggedRequest[];
  newest: number;
  last?: { readonly stage: number; readonly until: number };
}

const LATENESS_MS = 300_000;
const MOST_BUCKETS = 60;

export function hitsOf(text: string, rule: Rule): Hit[] {
  const clients = new Map<string, Client>();
  const hits: Hit[] = [];
  let watermark = 0;
  for (const [index, line] of text.replace(/\n$/, '').split('\n').entries()) {
    const request = readRequest(line);
    if (request === undefined || !rule.counts(request)) continue;
    watermark = Math.max(watermark, request.time);
    if (request.time < watermark - LATENESS_MS) continue;
    const client = clients.get(request.ip) ?? { requests: [], newest: 0 };
    clients.set(request.ip, client);
    client.requests.push(request);
    client.newest = Math.max(client.newest, request.time);
    const { newest, last } = client;
    if (last && newest < last.until) continue;
    if (!rule.isOver((ms) => within(client, ms))) continue;
    const stage = stageAfter(last, newest, rule);
    hits.push({ ip: request.ip, line: index + 1, stage });
    client.last = { stage, until: newest + (rule.holds[stage] as number) };
  }
  return hits;
}

/** The bucket under way and those before it that fit into the window. */
function within({ requests, newest }: Client, ms: number): LoggedRequest[] {
  const bucketMs = Math.ceil(ms / MOST_BUCKETS / 1_000) * 1_000;
  const first = Math.floor(newest / bucketMs) - Math.floor(ms / bucketMs) + 1;
  return requests.filter(({ time }) => Math.floor(time / bucketMs) >= first);
}

function stageAfter(last: Client['last'], now: number, { holds, decayMs }: Rule): number {
  if (last === undefined) return 0;
  const climbed = last.stage + 1 - Math.floor((now - last.until) / decayMs);
  return Math.min(holds.length - 1, Math.max(0, climbed));
}
