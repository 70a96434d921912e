import { join } from 'node:path';
import { projectRoot } from './project-root.js';

/** What `preload` switches off it finds by the name of its module: such an app runs from its modules, not as one file. */
export function programOf(app: string, preload: readonly string[]): string {
  return join(projectRoot(), 'dist', preload.length > 0 ? `apps/${app}/src/main.js` : `run/${app}.js`);
}
