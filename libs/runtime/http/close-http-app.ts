import type { NestFastifyApplication } from '@nestjs/platform-fastify';

const LOOK_EVERY_MS = 50;

/**
 * Takes no new connections, answers what is being asked, and resolves when every connection has ended. Node closes
 * connections that are idle when the close begins; those that become idle later would hold it for their whole
 * keep-alive time. What is still open after the grace, a silent or a very slow client, is cut off.
 */
export async function closeHttpApp(app: NestFastifyApplication, graceMs: number): Promise<void> {
  const server = app.getHttpServer();
  const looking = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS);
  const cutting = setTimeout(() => server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearInterval(looking);
    clearTimeout(cutting);
  }
}
