import { createServer } from 'node:net';

/**
 * Below those that the system gives to clients (from 32768 on): one of these could be taken while its server is down
 * for a restart. The probe also finds what another test took.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) return port;
  }
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/**
 * A port from which on so many are free, below those that the system gives to clients: one of these would be gone by the
 * time its server starts (net.ipv4.ip_local_port_range begins at 32768).
 */
export async function freeRange(count: number): Promise<number> {
  for (let base = 20_000 + (process.pid % 200) * 50; base < 32_000; base += 50) {
    const ports = Array.from({ length: count }, (_, i) => base + i);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return base;
  }
  throw new Error('no range of free ports');
}
