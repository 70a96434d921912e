/** Environment and flags of Node with which `npm start` runs the server, so that tests and bench run it likewise. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT_FROM = ['../../package.json', '../../../package.json']; // from the sources, from dist/

export const NPM_START = readStartScript();

function readStartScript(): { env: Record<string, string>; flags: string[] } {
  const words = startScript().split(' ');
  const node = words.indexOf('node');
  const variables = words.slice(0, node).map((word) => word.split('=') as [string, string]);
  return { env: Object.fromEntries(variables), flags: words.slice(node + 1).filter((word) => word.startsWith('--')) };
}

function startScript(): string {
  for (const from of ROOT_FROM) {
    try {
      return JSON.parse(readFileSync(fileURLToPath(new URL(from, import.meta.url)), 'utf8')).scripts.start;
    } catch {
      // the other place
    }
  }
  throw new Error('package.json with a start script is not where it should be');
}
