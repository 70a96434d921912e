import type { KeyView } from '#domain/keys/key-record.js';
import { isGranted, isGrantedForSome, missingRight } from '#domain/keys/rights.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { insufficientRights } from '#runtime/http/root-key.guard.js';
import type { OperationCall } from './operation.js';

export function apiNotFound(): HttpProblem {
  return new HttpProblem(404, 'data/api_not_found', 'We could not find the requested API.');
}

export function keyNotFound(): HttpProblem {
  return new HttpProblem(404, 'data/key_not_found', 'We could not find the requested key.');
}

/** The key, if it exists and the root key holds the right for its API: what it may not touch it cannot see. */
export async function grantedKey(call: OperationCall, keyId: string, action: string): Promise<KeyView> {
  demandForSome(call, action);
  return grantedView(call, await call.services.store.findKey(keyId), action);
}

export function demandForSome(call: OperationCall, action: string): void {
  if (!isGrantedForSome(call.rootKey.rights, 'api', action)) throw insufficientRights(missingRight('api', '*', action));
}

export function grantedView(call: OperationCall, view: KeyView | undefined, action: string): KeyView {
  if (!view || view.key.deletedAt !== undefined) throw keyNotFound();
  if (!isGranted(call.rootKey.rights, 'api', view.key.apiId, action)) throw keyNotFound();
  return view;
}
