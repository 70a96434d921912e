import { NOW, QueryApp } from '../../../test/support/query-app.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';

const at = (text: string) => Date.parse(text);
const folder = temporaryFolder('query');
let query: QueryApp;

const PROMPTS = {
  slug: 'tokens',
  aggregation: 'SUM',
  eventType: 'prompt',
  valueProperty: '$.tokens',
  groupBy: { model: '$.model', deep: '$.a["b c"][0]' },
};
const JANUARY = 'from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z';

beforeAll(async () => {
  query = await QueryApp.open(folder);
  await query.call('POST', '/api/v1/meters', PROMPTS);
  await query.count([
    {
      id: 'p1',
      type: 'prompt',
      subject: 'customer-1',
      time: at('2026-01-05T10:00:30Z'),
      data: { tokens: '100', model: 'gpt' },
    },
    {
      id: 'p2',
      type: 'prompt',
      subject: 'customer-2',
      time: at('2026-01-05T10:20:00Z'),
      data: { tokens: 0.5, model: '=1+1', a: { 'b c': ['x'] } },
    },
    {
      id: 'p3',
      type: 'prompt',
      subject: 'customer-2',
      time: at('2026-01-06T00:00:00Z'),
      data: { tokens: 'abc', model: 'gpt' },
    },
    {
      id: 'p4',
      type: 'prompt',
      subject: '=HYPERLINK("http://x")',
      time: at('2026-01-07T23:30:00.123Z'),
      data: { tokens: 1e3 },
    },
    {
      id: 'r1',
      type: 'request',
      subject: 'k1',
      time: at('2026-01-05T10:00:00Z'),
      data: { keyId: 'k1', status: 200, bytes: 10, outcome: 'VALID' },
    },
    {
      id: 'r2',
      type: 'request',
      subject: '1.2.3.4',
      time: at('2026-01-05T11:00:00Z'),
      data: { status: 404, bytes: 5, outcome: 'LOGGED', ip: '1.2.3.4' },
    },
    { id: 'r3', type: 'request', subject: 'k1', time: at('2026-01-05T11:30:00Z'), data: null },
  ]);
});
afterAll(() => query.close());

type Rows = {
  data: {
    value: number;
    windowStart: string;
    windowEnd: string;
    subject: string | null;
    groupBy: Record<string, string>;
  }[];
};
const rowsOf = async (url: string) => (await query.get<Rows>(url)).data;
const values = async (url: string) => (await rowsOf(url)).map(({ value }) => value);

describe('built-in meters', () => {
  test('count requests and bytes of verifications and imported lines alike, by every dimension', async () => {
    expect(await values('/api/v1/meters/requests/query')).toEqual([3]);
    expect(await values('/api/v1/meters/bytes/query')).toEqual([15]);
    const byOutcome = await rowsOf('/api/v1/meters/requests/query?groupBy=outcome&groupBy=status');
    expect(byOutcome.map(({ groupBy, value }) => [groupBy, value])).toEqual([
      [{ outcome: '', status: '' }, 1],
      [{ outcome: 'LOGGED', status: '404' }, 1],
      [{ outcome: 'VALID', status: '200' }, 1],
    ]);
  });
});

describe('meter queries', () => {
  test('a windowed query echoes the question and gives whole windows, none without events', async () => {
    expect(await query.get(`/api/v1/meters/tokens/query?${JANUARY}&windowSize=DAY&groupBy=model`)).toEqual({
      from: '2026-01-01T00:00:00Z',
      to: '2026-02-01T00:00:00Z',
      windowSize: 'DAY',
      data: [
        {
          value: 0.5,
          windowStart: '2026-01-05T00:00:00Z',
          windowEnd: '2026-01-06T00:00:00Z',
          subject: null,
          groupBy: { model: '=1+1' },
        },
        {
          value: 100,
          windowStart: '2026-01-05T00:00:00Z',
          windowEnd: '2026-01-06T00:00:00Z',
          subject: null,
          groupBy: { model: 'gpt' },
        },
        {
          value: 1000,
          windowStart: '2026-01-07T00:00:00Z',
          windowEnd: '2026-01-08T00:00:00Z',
          subject: null,
          groupBy: { model: '' },
        },
      ],
    });
  });

  test('totals span the minutes of the events unless from and to are given, subjects descending', async () => {
    const rows = await rowsOf('/api/v1/meters/tokens/query?subject=customer-1&subject=customer-2');
    expect(rows).toEqual([
      {
        value: 0.5,
        windowStart: '2026-01-05T10:20:00Z',
        windowEnd: '2026-01-06T00:01:00Z',
        subject: 'customer-2',
        groupBy: {},
      },
      {
        value: 100,
        windowStart: '2026-01-05T10:00:00Z',
        windowEnd: '2026-01-05T10:01:00Z',
        subject: 'customer-1',
        groupBy: {},
      },
    ]);
    const [total] = await rowsOf('/api/v1/meters/tokens/query?from=2026-01-05T10:00:30.999Z');
    expect(total).toEqual({
      value: 1100.5,
      windowStart: '2026-01-05T10:00:30Z',
      windowEnd: '2026-01-07T23:31:00Z',
      subject: null,
      groupBy: {},
    });
  });

  test('POST takes the same question', async () => {
    const body = {
      windowSize: 'MONTH',
      windowTimeZone: 'Asia/Tokyo',
      filterGroupBy: { model: ['gpt', ''] },
      subject: null,
    };
    const answer = await query.call('POST', '/api/v1/meters/tokens/query', body);
    expect(answer.json().data).toEqual([
      {
        value: 1100,
        windowStart: '2025-12-31T15:00:00Z',
        windowEnd: '2026-01-31T15:00:00Z',
        subject: null,
        groupBy: {},
      },
    ]);
    expect((await query.call('POST', '/api/v1/meters/tokens/query', {})).json().data).toHaveLength(1);
  });

  test('filters take equality, lists and operators, on paths and columns', async () => {
    expect(await values('/api/v1/meters/tokens/query?filterGroupBy[model]=gpt')).toEqual([100]);
    expect(await values('/api/v1/meters/tokens/query?filterGroupBy[deep]=x')).toEqual([0.5]);
    const like = encodeURIComponent('{"outcome":{"$or":[{"$like":"VAL%"},{"$eq":"LOGGED"}]}}');
    expect(await values(`/api/v1/meters/requests/query?advancedMeterGroupByFilters=${like}`)).toEqual([2]);
    expect(await values('/api/v1/meters/tokens/query?filterGroupBy[model]=nothing')).toEqual([]);
  });

  test('fill=zero gives every window of the range, and refuses where zero would be a lie', async () => {
    const url =
      '/api/v1/meters/requests/query?from=2026-01-04T00:00:00Z&to=2026-01-07T00:00:00Z&windowSize=DAY&fill=zero';
    expect(await values(url)).toEqual([0, 3, 0]);
    expect(await values(`${url}&groupBy=ip`)).toEqual([0, 0, 2, 1, 0, 0]);
    await query.call('POST', '/api/v1/meters', { ...PROMPTS, slug: 'longest', aggregation: 'MAX' });
    const answer = await query.call('GET', url.replace('requests', 'longest'));
    expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('MAX')]);
    expect((await query.call('GET', '/api/v1/meters/requests/query?fill=zero')).statusCode).toBe(400);
  });

  test('windows not aligned to the range add up to the plain count', async () => {
    const range = 'from=2026-01-05T10:00:30Z&to=2026-01-06T00:00:01Z';
    const windows = await values(`/api/v1/meters/requests/query?${range}&windowSize=HOUR`);
    expect(windows.reduce((sum, value) => sum + value, 0)).toBe(2);
    expect(await values(`/api/v1/meters/requests/query?${range}`)).toEqual([2]);
  });

  test('eventFrom cuts off what was before', async () => {
    await query.call('POST', '/api/v1/meters', { ...PROMPTS, slug: 'late_tokens', eventFrom: '2026-01-07T00:00:00Z' });
    expect(await values('/api/v1/meters/late_tokens/query')).toEqual([1000]);
    expect(await values(`/api/v1/meters/late_tokens/query?${JANUARY}`)).toEqual([1000]);
  });

  test('CSV has exact types, six decimals, and no cell that a spreadsheet would run', async () => {
    const answer = await query.call('GET', '/api/v1/meters/tokens/query?groupBy=subject&groupBy=model', undefined, {
      accept: 'text/csv',
    });
    expect(answer.headers['content-type']).toBe('text/csv');
    expect(answer.headers['content-disposition']).toBe('attachment; filename=tokens.csv');
    expect(answer.body).toBe(
      [
        'window_start,window_end,subject,model,value',
        "2026-01-05T10:20:00Z,2026-01-05T10:21:00Z,customer-2,'=1+1,0.500000",
        '2026-01-05T10:00:00Z,2026-01-05T10:01:00Z,customer-1,gpt,100.000000',
        `2026-01-07T23:30:00Z,2026-01-07T23:31:00Z,"'=HYPERLINK(""http://x"")",,1000.000000`,
        '',
      ].join('\n'),
    );
    const list = await query.call('GET', '/api/v1/meters/tokens/query', undefined, {
      accept: 'text/csv, application/json',
    });
    expect(list.headers['content-type']).toContain('application/json');
  });
});

describe('values and subjects of a meter', () => {
  test('are distinct and ascending; values look back one day unless told otherwise', async () => {
    expect(await query.get(`/api/v1/meters/tokens/group-by/model/values?from=2026-01-01T00:00:00Z`)).toEqual([
      '',
      '=1+1',
      'gpt',
    ]);
    expect(await query.get('/api/v1/meters/tokens/group-by/model/values')).toEqual([]);
    expect(await query.get('/api/v1/meters/requests/group-by/status/values?from=2026-01-01T00:00:00Z')).toEqual([
      '',
      '200',
      '404',
    ]);
    expect(await query.get('/api/v1/meters/requests/subjects')).toEqual(['1.2.3.4', 'k1']);
    expect((await query.call('GET', '/api/v1/meters/tokens/group-by/colour/values')).statusCode).toBe(400);
  });
});

describe('freshness', () => {
  test('every answer says up to which position and time it is complete', async () => {
    const answer = await query.call('GET', '/api/v1/meters/requests/query');
    expect(answer.headers['keymeter-complete-until']).toBe(
      `0:${query.next};time=${new Date(query.clock.now()).toISOString()}`,
    );
  });

  test('a query that waits for a position answers when it is counted, with the events in it', async () => {
    const position = `0:${query.next + 1}`;
    const waiting = query.get<Rows>(`/api/v1/meters/fresh/query?waitFor=${position}`);
    await query.call('GET', '/api/v1/meters');
    const refused = waiting.catch((error: Error) => error.message);
    expect(await refused).toContain('404');
    await query.call('POST', '/api/v1/meters', { slug: 'fresh', aggregation: 'COUNT', eventType: 'fresh' });
    const rows = query.get<Rows>(`/api/v1/meters/fresh/query?waitFor=${position}`);
    await query.count([{ id: 'f1', type: 'fresh', time: NOW }]);
    expect((await rows).data.map(({ value }) => value)).toEqual([1]);
  });

  test.each(['x', '0:-1', '0:1;drop', '0:99999999999999999'])('waitFor=%s is no position', async (position) => {
    const answer = await query.call('GET', `/api/v1/meters/requests/query?waitFor=${encodeURIComponent(position)}`);
    expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('waitFor')]);
  });
});
