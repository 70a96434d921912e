import type { KeymeterServer } from '../servers/keymeter-server.js';

/** A meter that no rollup answers: each query reads all rows of `request` events. */
export async function wholeTableMeter(server: KeymeterServer): Promise<string> {
  const slug = 'bench_unique_agents';
  const meter = { slug, eventType: 'request', aggregation: 'UNIQUE_COUNT', valueProperty: '$.userAgent' };
  await server.call('POST', '/api/v1/meters', JSON.stringify(meter));
  return slug;
}

/** Asks again and again for the given time; resolves with the number of answers. */
export async function queryLoop(server: KeymeterServer, meter: string, durationMs: number): Promise<number> {
  const end = performance.now() + durationMs;
  let answers = 0;
  for (; performance.now() < end; answers++) {
    const answer = await server.call('GET', `/api/v1/meters/${meter}/query?groupBy=subject`);
    await answer.arrayBuffer();
  }
  return answers;
}
