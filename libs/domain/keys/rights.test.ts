import { covers, isGranted, isGrantedForSome, missingRight } from './rights.js';

test('a right holds for its resource, its id or all ids, and its action or all actions', () => {
  expect(isGranted(['*'], 'api', 'api_1', 'read_key')).toBe(true);
  expect(isGranted(['api.*.read_key'], 'api', 'api_1', 'read_key')).toBe(true);
  expect(isGranted(['api.api_1.*'], 'api', 'api_1', 'read_key')).toBe(true);
  expect(isGranted(['api.api_1.read_key'], 'api', 'api_2', 'read_key')).toBe(false);
  expect(isGranted(['api.api_1.read_key'], 'api', '*', 'read_key')).toBe(false);
  expect(isGranted(['api.*.read_key'], 'identity', 'api_1', 'read_key')).toBe(false);
  expect(isGranted(['api.*.read_key'], 'api', 'api_1', 'delete_key')).toBe(false);
  expect(isGranted([], 'api', 'api_1', 'read_key')).toBe(false);
});

test('a right for one id lets its holder in, but only to that id', () => {
  expect(isGrantedForSome(['api.api_1.verify_key'], 'api', 'verify_key')).toBe(true);
  expect(isGrantedForSome(['api.api_1.read_key'], 'api', 'verify_key')).toBe(false);
});

test('wider rights cover narrower ones, never the other way round', () => {
  expect(covers(['api.*.read_key'], 'api.api_1.read_key')).toBe(true);
  expect(covers(['api.api_1.read_key'], 'api.*.read_key')).toBe(false);
  expect(covers(['api.api_1.read_key'], 'api.api_1.*')).toBe(false);
  expect(covers(['api.*.*'], '*')).toBe(false);
  expect(covers(['*'], '*')).toBe(true);
});

test('what is missing is named as the protocol names it', () => {
  expect(missingRight('api', 'api_1', 'read_key')).toBe('api.api_1.read_key or api.*.read_key');
  expect(missingRight('api', '*', 'read_key')).toBe('api.*.read_key');
});
