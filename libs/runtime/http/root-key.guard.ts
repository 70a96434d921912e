import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { RootKeyRecord } from '#domain/keys/key-record.js';
import { isGranted, missingRight } from '#domain/keys/rights.js';
import { HttpProblem } from './http-problem.js';
import { REQUIRED_RIGHT, type RequiredRight } from './requires.decorator.js';
import { RootKeys } from './root-keys.js';

export interface RequestWithRootKey extends FastifyRequest {
  rootKey: RootKeyRecord;
}

/** Lets a request through whose root key holds the right named by `@Requires`; without `@Requires`, any root key. */
@Injectable()
export class RootKeyGuard implements CanActivate {
  constructor(
    private readonly rootKeys: RootKeys,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<RequestWithRootKey>();
    request.rootKey = this.rootKeys.authenticate(request.headers.authorization);
    const targets = [context.getHandler(), context.getClass()];
    const required = this.reflector.getAllAndOverride<RequiredRight | undefined>(REQUIRED_RIGHT, targets);
    if (required) demandRight(request.rootKey, required.resource, '*', required.action);
    return true;
  }
}

/** Throws 403 naming the right that is missing. */
export function demandRight(rootKey: RootKeyRecord, resource: string, id: string, action: string): void {
  if (isGranted(rootKey.rights, resource, id, action)) return;
  throw insufficientRights(missingRight(resource, id, action));
}

export function insufficientRights(missing: string): HttpProblem {
  return new HttpProblem(403, 'authorization/insufficient_permissions', `Missing one of these permissions: ${missing}`);
}
