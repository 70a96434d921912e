import { QueryApp } from '../../../test/support/query-app.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';

let query: QueryApp;
afterAll(() => query.close());
const folder = temporaryFolder('partitions'); // removed after the app has ended
beforeAll(async () => {
  query = await QueryApp.open(folder);
});

const PATH = '/api/v1/partitions';
const ONE = { partitions: 1, counts: [1], moving: [] };

test('the log of one machine has one partition, and raising it to that changes nothing', async () => {
  expect(await query.get(PATH)).toEqual(ONE);
  const answer = await query.call('POST', PATH, { partitions: 1 });
  expect([answer.statusCode, answer.json()]).toEqual([200, ONE]);
});

test.each([[{ partitions: 2 }], [{ partitions: 0 }], [{ partitions: 1.5 }], [{}], [{ partitions: 1, more: true }]])(
  'a raise by %j is refused, with the place',
  async (body) => {
    const answer = await query.call('POST', PATH, body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ detail: expect.any(String) });
    expect(await query.get(PATH)).toEqual(ONE);
  },
);
