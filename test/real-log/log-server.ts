/** A standalone server that takes an access log by the command line and is asked over HTTP. */
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { type CliProcess, startCli } from '../support/cli-process.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { THRESHOLDS } from './log-answers.js';

const WINDOWS = { sliding: '1m', tumbling: { calendar: 'minute' } } as const;
export type WindowKind = keyof typeof WINDOWS;

export interface Summary {
  readonly complete: boolean;
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly malformed: number;
  readonly alreadyImported: number;
  readonly malformedLines: readonly { readonly line: number }[];
  readonly rejectsFile: string | null;
  readonly position: string | null;
}

export interface UsageRow {
  readonly value: number;
  readonly windowStart: string;
  readonly subject: string | null;
  readonly groupBy: Readonly<Record<string, string>>;
}

interface EnforcementPage {
  readonly items: readonly { readonly target: { readonly value: string } }[];
  readonly nextCursor?: string;
}

export class LogServer {
  /** Of the last complete import: what a query waits for. */
  #position: string | undefined;

  private constructor(
    readonly folder: string,
    private readonly standalone: Standalone,
    readonly http: HttpCaller,
  ) {}

  static async start(folder: string): Promise<LogServer> {
    const standalone = await startStandalone({ dataDir: join(folder, 'data') });
    return new LogServer(folder, standalone, new HttpCaller(standalone.url, standalone.rootKey));
  }

  async stop(): Promise<void> {
    this.http.close();
    expect(await this.standalone.end()).toEqual({ code: 0, signal: null });
  }

  /** `home` holds what earlier imports remembered. */
  startImport(file: string, home = 'home'): CliProcess {
    return startCli(join(this.folder, home), this.standalone, ['import', file, '--json']);
  }

  async import(file: string, home?: string): Promise<Summary> {
    const { code, stdout, stderr } = await this.startImport(file, home).ended;
    if (code !== 0) throw new Error(`the import ended with ${code}: ${stderr}`);
    const [summary] = (JSON.parse(stdout) as { files: Summary[] }).files;
    this.#position = summary?.position ?? this.#position;
    return summary as Summary;
  }

  /** Of everything that was imported. */
  async usage(meter: string, query: Readonly<Record<string, string>> = {}): Promise<UsageRow[]> {
    const wait: Record<string, string> = this.#position === undefined ? {} : { waitFor: this.#position };
    const text = new URLSearchParams({ ...query, ...wait }).toString();
    return (await this.http.demand('GET', `/api/v1/meters/${meter}/query?${text}`)).data;
  }

  async total(meter: string): Promise<number> {
    return (await this.usage(meter))[0]?.value ?? 0;
  }

  async putPolicies(): Promise<void> {
    for (const kind of Object.keys(WINDOWS) as WindowKind[]) {
      for (const threshold of THRESHOLDS) await this.http.demand('POST', '/api/v1/policies', policy(kind, threshold));
    }
  }

  /** Every target that the policy would have acted on, sorted. */
  async subjectsOver(kind: WindowKind, threshold: number): Promise<string[]> {
    const subjects = new Set<string>();
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ policy: nameOf(kind, threshold), limit: '40', ...(cursor && { cursor }) });
      const page: EnforcementPage = await this.http.demand('GET', `/api/v1/enforcements?${query}`);
      for (const { target } of page.items) subjects.add(target.value);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return [...subjects].sort();
  }
}

function nameOf(kind: WindowKind, threshold: number): string {
  return `over-${threshold}-${kind}`;
}

function policy(kind: WindowKind, threshold: number): object {
  return {
    name: nameOf(kind, threshold),
    match: { type: 'request' },
    groupBy: 'subject',
    aggregate: 'count',
    window: WINDOWS[kind],
    threshold,
    action: { type: 'warn' },
    mode: 'shadow',
    appliesToLate: true,
  };
}
