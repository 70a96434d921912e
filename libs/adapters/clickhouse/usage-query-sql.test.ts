import fc from 'fast-check';
import type { UsageQuery } from '#domain/meters/usage-query.js';
import { usageStatement, valuesStatement } from './usage-query-sql.js';

const COUNT: UsageQuery = {
  eventType: 'request',
  aggregation: 'COUNT',
  conditions: [],
  groups: [],
  bySubject: false,
  withSpan: false,
};

const RAW = { source: 'raw' } as const;

test('a windowed count by subject reads a rollup', () => {
  const query: UsageQuery = {
    ...COUNT,
    from: 1_767_225_600_000,
    to: 1_769_904_000_000,
    window: { size: 'DAY', zone: 'UTC' },
    bySubject: true,
    groups: [{ column: 'outcome' }],
    conditions: [{ field: { column: 'subject' }, filter: { $in: ['a', 'b'] } }],
  };
  const { sql, parameters } = usageStatement(query, [{ source: 'day', from: query.from, to: query.to }], 101);
  expect(sql).toBe(
    [
      'SELECT toUnixTimestamp(toDateTime(toStartOfDay(window_start, {p0:String}), {p0:String})) AS window_at, subject AS by_subject, outcome AS group_0, toString(sum(events)) AS value, toString(sum(events)) AS counted',
      'FROM keymeter.usage_rollups',
      "WHERE window_size = 'day' AND type = {p1:String} AND window_start >= toDateTime({p2:Int64}, 'UTC') AND window_start < toDateTime({p3:Int64}, 'UTC') AND subject IN {p4:Array(String)}",
      'GROUP BY window_at, by_subject, group_0',
      'HAVING sum(events) != 0',
      'ORDER BY window_at, by_subject, group_0',
      'LIMIT {p5:Int64}',
    ].join('\n'),
  );
  expect(parameters).toEqual({
    p0: 'UTC',
    p1: 'request',
    p2: 1_767_225_600,
    p3: 1_769_904_000,
    p4: ['a', 'b'],
    p5: 101,
  });
});

test('the latest value of a member reads raw events, ties broken by position', () => {
  const { sql, parameters } = usageStatement(
    { ...COUNT, aggregation: 'LATEST', valuePath: ['a', 0], withSpan: true },
    [RAW],
    101,
  );
  expect(sql).toContain("JSONType(data, {p0:String}) = 'Array'");
  expect(sql).toContain(', (time, partition, offset, idx)))');
  expect(sql).toContain('toUnixTimestamp(toStartOfMinute(min(time))) AS first_minute');
  expect(sql).toContain('GROUP BY ()');
  expect(parameters).toMatchObject({ p0: 'a', p1: 1 });
});

test('bytes are summed from the column that rollups sum', () => {
  const query: UsageQuery = { ...COUNT, aggregation: 'SUM', valuePath: ['bytes'] };
  expect(usageStatement(query, [RAW], 1).sql).toContain(
    'toString(sum(bytes)) AS value, toString(count(bytes)) AS counted',
  );
  expect(usageStatement(query, [{ source: 'hour' }], 1).sql).toContain(
    'toString(sum(bytes)) AS value, toString(sum(bytes_events)) AS counted',
  );
});

test('hours of a zone whose clocks change by half hours are cut by its own changes', () => {
  const window = { size: 'HOUR', zone: 'Australia/Lord_Howe' } as const;
  const { parameters, sql } = usageStatement(
    { ...COUNT, window, from: Date.UTC(2025, 0), to: Date.UTC(2025, 5) },
    [RAW],
    1,
  );
  expect(parameters).toMatchObject({
    p0: [Date.UTC(2024, 11, 31) / 1000, Date.UTC(2025, 3, 5, 15) / 1000],
    p1: [39_600, 37_800],
  });
  expect(sql).not.toContain('toStartOfHour');
});

test('totals are ordered by subject descending', () => {
  const { sql } = usageStatement({ ...COUNT, bySubject: true, groups: [{ column: 'ip' }] }, [RAW], 1);
  expect(sql).toContain('ORDER BY by_subject DESC, group_0');
});

test('no text of a caller ever stands in a statement', () => {
  const marked = fc.string({ minLength: 1 }).map((text) => `<${text}>`);
  fc.assert(
    fc.property(marked, marked, marked, (type, step, value) => {
      const field = { path: [step, 3, step] };
      const conditions = [{ field, filter: { $or: [{ $like: value }, { $in: [value] }] } }];
      const query: UsageQuery = {
        ...COUNT,
        eventType: type,
        aggregation: 'SUM',
        valuePath: [step],
        groups: [field],
        conditions,
        window: { size: 'DAY', zone: value },
      };
      const statements = [
        usageStatement(query, [RAW], 9),
        valuesStatement({ eventType: type, conditions }, field, [RAW], 9),
      ];
      for (const { sql } of statements) for (const text of [type, step, value]) expect(sql).not.toContain(text);
    }),
  );
});

test('several segments are added up, each read from its own source', () => {
  const query: UsageQuery = { ...COUNT, aggregation: 'AVG', valuePath: ['bytes'], groups: [{ column: 'ip' }] };
  const { sql } = usageStatement(
    query,
    [
      { source: 'raw', to: 60_000 },
      { source: 'minute', from: 60_000 },
    ],
    9,
  );
  expect(sql).toBe(
    [
      'SELECT group_0, toString(sum(part_value)) AS value, toString(sum(part_counted)) AS counted FROM (',
      'SELECT ip AS group_0, sum(ifNull(bytes, 0)) AS part_value, toInt64(count(bytes)) AS part_counted',
      'FROM keymeter.events',
      "WHERE type = {p0:String} AND time < fromUnixTimestamp64Milli({p1:Int64}, 'UTC')",
      'GROUP BY group_0',
      'UNION ALL',
      'SELECT ip AS group_0, sum(bytes) AS part_value, sum(bytes_events) AS part_counted',
      'FROM keymeter.usage_rollups',
      "WHERE window_size = 'minute' AND type = {p2:String} AND window_start >= toDateTime({p3:Int64}, 'UTC')",
      'GROUP BY group_0',
      ') AS p',
      'GROUP BY group_0',
      'HAVING sum(part_counted) != 0',
      'ORDER BY group_0',
      'LIMIT {p4:Int64}',
    ].join('\n'),
  );
});
