/**
 * The reference: Nest on Fastify, one POST route that parses the body and answers fixed bytes. Nothing is verified,
 * nothing is stored. The answer is the first argument, so that it can be what keymeter answered.
 */
import 'reflect-metadata';
import { Body, Controller, Header, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

const answer = process.argv[2] ?? '{}';

@Controller()
class BareController {
  @Post('v2/keys.verifyKey')
  @HttpCode(200)
  @Header('content-type', 'application/json; charset=utf-8')
  @Header('cache-control', 'no-store')
  verify(@Body() body: { key: string }): string {
    if (typeof body.key !== 'string') throw new Error('the load is wrong: a body without a key');
    return answer;
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), { logger: false });
app
  .getHttpAdapter()
  .getInstance()
  .get('/ready', async () => 'ready');
await app.listen(0, '127.0.0.1');
process.stdout.write(`${await app.getUrl()}\n`);
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)));
