import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readiness } from './readiness.js';

@Controller('health')
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  @Get('live')
  live(): { status: string } {
    return { status: 'ok' };
  }

  @Get('ready')
  ready(@Res() reply: FastifyReply): void {
    const problems = this.readiness.problems();
    const status = problems.length === 0 ? 'ready' : 'not ready';
    reply.code(problems.length === 0 ? 200 : 503).send({ status, problems });
  }
}
