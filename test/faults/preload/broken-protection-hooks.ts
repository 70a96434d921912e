import type { LoadHook } from 'node:module';
import { type Breakable, broken } from '../broken-protections.js';

let name: Breakable;

export function initialize(data: Breakable): void {
  name = data;
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (loaded.format !== 'module' || !loaded.source) return loaded;
  const source =
    typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
  return { ...loaded, source: broken(name, url, source) };
};
