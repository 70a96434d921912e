import { jest } from '@jest/globals';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { type RunningApp, runApp } from '../../../test/support/running-app.js';
import { createHttpApp } from './create-http-app.js';
import { HttpProblem } from './http-problem.js';

const schema = z.strictObject({ name: z.string().max(5), tags: z.array(z.string()).optional() });

@Controller()
class SampleController {
  @Post('v2/sample.take')
  take(@Body({ schema }) body: unknown) {
    return body;
  }

  @Post('api/v1/sample')
  takeToo(@Body({ schema }) body: unknown) {
    return body;
  }

  @Get('api/v1/sample/:id')
  read() {
    throw new HttpProblem(404, 'data/sample_not_found', 'sample not found: x');
  }

  @Get('api/v1/broken')
  broken() {
    throw new TypeError('secret internals');
  }
}

@Module({ controllers: [SampleController] })
class SampleModule {}

let app: RunningApp;
beforeAll(async () => {
  app = await runApp(await createHttpApp(SampleModule, { logger: false }));
});
afterAll(() => app.close());

const post = (url: string, payload: string, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json', ...headers } });

test('every violation of a schema is answered with its JSON pointer, unknown properties by name', async () => {
  const answer = await post('/v2/sample.take', '{"name":"toolong","tags":["a",1],"extra":1}', {
    accept: 'application/json',
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.headers['content-type']).toBe('application/json');
  const { error, meta } = answer.json();
  expect(error.type).toBe('https://unkey.com/docs/errors/unkey/application/invalid_input');
  expect(error.errors.map((e: { location: string }) => e.location).sort()).toEqual(['/extra', '/name', '/tags/1']);
  expect(meta.requestId).toMatch(/^req_[0-9a-z]+$/);
});

test('without the pipe of createHttpApp the same schema would be ignored', async () => {
  const bare = await NestFactory.create<NestFastifyApplication>(SampleModule, new FastifyAdapter(), { logger: false });
  const running = await runApp(bare);
  const answer = await running.inject({ method: 'POST', url: '/v2/sample.take', payload: { name: 'toolong' } });
  expect(answer.statusCode).toBe(201);
  await running.close();
});

test('outside /v2 a problem is exactly application/problem+json and its detail begins with its class', async () => {
  const answer = await app.inject({ method: 'GET', url: '/api/v1/sample/x' });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.json()).toMatchObject({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'not found error: sample not found: x',
    extensions: { code: 'data/sample_not_found' },
  });
});

test.each([
  ['a cut-off body', '{"name": "abc'],
  ['an empty body', ''],
  ['null', 'null'],
  ['__proto__', '{"name":"a","__proto__":{"x":1}}'],
  ['constructor.prototype', '{"name":"a","constructor":{"prototype":{"x":1}}}'],
  ['100,000 open brackets', `{"name":${'['.repeat(100_000)}`],
  ['100,000 nested arrays', `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
])('%s is 400 with errors and without internals', async (_, payload) => {
  const answer = await post('/v2/sample.take', payload);
  expect(answer.statusCode).toBe(400);
  expect(answer.json().error.errors.length).toBeGreaterThan(0);
  expect(answer.body).not.toMatch(/ {4}at |node_modules|SyntaxError|call stack/);
});

test('a body over 1 MiB is 413, another media type or an encoded body 415', async () => {
  expect((await post('/v2/sample.take', `{"name":"${'a'.repeat(2_000_000)}"}`)).statusCode).toBe(413);
  expect((await post('/v2/sample.take', '<a/>', { 'content-type': 'text/xml' })).statusCode).toBe(415);
  expect((await post('/v2/sample.take', 'a=1', { 'content-type': 'text/plain' })).statusCode).toBe(415);
  expect((await post('/v2/sample.take', '{}', { 'content-encoding': 'gzip' })).statusCode).toBe(415);
});

test('a wrong method is 405 with Allow, an unknown path 404', async () => {
  const wrong = await app.inject({ method: 'GET', url: '/v2/sample.take?x=1' });
  expect([wrong.statusCode, wrong.headers.allow]).toEqual([405, 'POST']);
  expect((await app.inject({ method: 'DELETE', url: '/api/v1/sample/x' })).headers.allow).toBe('GET, HEAD');
  const unknown = await app.inject({ method: 'GET', url: '/wp-admin.php' });
  expect([unknown.statusCode, unknown.headers['content-type']]).toEqual([404, 'application/problem+json']);
  expect((await app.inject({ method: 'GET', url: '/%zz' })).statusCode).toBe(400);
});

test('an unforeseen error is 500 without internals and is logged with its request id, path without query', async () => {
  const lines: unknown[] = [];
  const { Logger } = await import('@nestjs/common');
  const spy = jest.spyOn(Logger.prototype, 'error').mockImplementation((line: unknown) => void lines.push(line));
  const answer = await app.inject({ method: 'GET', url: '/api/v1/broken?key=sk_secret' });
  spy.mockRestore();
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('secret internals');
  const requestId = answer.json().instance.split(':').at(-1);
  expect(lines).toMatchObject([{ requestId, path: '/api/v1/broken' }]);
  expect(JSON.stringify(lines)).not.toContain('sk_secret');
});
