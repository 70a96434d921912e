import type { FastifyInstance } from 'fastify';

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
}

/** Every registered route, to tell a wrong method (405 with Allow) from an unknown path (404). */
export class RouteTable {
  #routes: Route[] = [];

  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', (route) => {
      for (const method of [route.method].flat()) {
        this.#routes.push({ method, segments: route.url.split('/') });
      }
    });
  }

  /** As registered, `GET /api/v1/meters/:idOrSlug`, without what Fastify adds by itself. */
  get all(): string[] {
    const own = this.#routes.filter(({ method }) => method !== 'HEAD');
    return own.map(({ method, segments }) => `${method} ${segments.join('/')}`).sort();
  }

  methodsFor(path: string): string[] {
    const segments = path.split('/');
    const methods = this.#routes.filter((route) => matches(route.segments, segments)).map((route) => route.method);
    return [...new Set(methods)].sort();
  }
}

/** Catch-all routes are left out: they say nothing about a path. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.length !== path.length) return false;
  return pattern.every((part, i) => (part.startsWith(':') ? path[i] !== '' : part === path[i]));
}
