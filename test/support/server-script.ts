/** Scripts of scripts/servers for the tests, which run from the sources and from dist/. */
export interface ServerHandle {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  pause(): void;
  resume(): void;
}

const FOLDERS = ['../../scripts/servers/', '../../../scripts/servers/'];

export async function serverScript<Script>(name: string): Promise<Script> {
  const errors: unknown[] = [];
  for (const folder of FOLDERS) {
    try {
      return (await import(new URL(folder + name, import.meta.url).href)) as Script;
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}

/** `describe`, or under CI a failure and elsewhere a skip with one sentence where the server cannot be had. */
export function describeWith(server: string, ensure: () => unknown): jest.Describe {
  try {
    ensure();
    return describe;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    process.stderr.write(`SKIPPED, ${server}: ${(error as Error).message}\n`);
    return describe.skip;
  }
}
