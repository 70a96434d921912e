import { KeymeterError } from '#domain/errors.js';

const MIN_MAJOR = 7;

/** What INFO tells, as far as it is of interest. */
export interface ServerInfo {
  readonly version: string;
  /** Changes with every start of the server, and with it what an unsynced disk may have lost. */
  readonly runId: string;
  readonly evictionPolicy: string;
  readonly role: string;
  readonly appendOnly: boolean;
}

export function parseInfo(text: string): ServerInfo {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? '';
  return {
    version: field('redis_version'),
    runId: field('run_id'),
    evictionPolicy: field('maxmemory_policy'),
    role: field('role'),
    appendOnly: field('aof_enabled') === '1',
  };
}

/** Throws CONFIG_INVALID: with an evicting Redis a revoked key could come back and a limit could start again. */
export function refuseUnfit({ version, evictionPolicy, role }: ServerInfo): void {
  if (Number(version.split('.')[0]) < MIN_MAJOR) {
    throw new KeymeterError('CONFIG_INVALID', `Redis ${version} is too old: version ${MIN_MAJOR} or later is needed.`);
  }
  if (evictionPolicy !== 'noeviction') {
    const advice = 'set it to noeviction (CONFIG SET maxmemory-policy noeviction, and in its configuration file)';
    throw new KeymeterError('CONFIG_INVALID', `Redis has maxmemory-policy ${evictionPolicy}: ${advice}.`);
  }
  if (role === 'slave') {
    throw new KeymeterError('CONFIG_INVALID', 'This Redis is a replica: give the address of its master.');
  }
}
