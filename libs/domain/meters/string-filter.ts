/** Conditions on texts and times as the metering protocol writes them: one operator per object, one level deep. */
import { z } from 'zod';
import { instant } from '../time/instant.js';

const MAX_LIST = 100;
const MAX_BRANCHES = 20;

const text = z.string().max(1024).optional();
const texts = z.array(z.string().max(1024)).min(1).max(MAX_LIST).optional();
const oneOperator = (filter: object) => Object.keys(filter).length === 1;
const ONE_OPERATOR = { message: 'takes exactly one operator' };

const stringOperators = {
  $eq: text,
  $ne: text,
  $in: texts,
  $nin: texts,
  $like: text,
  $nlike: text,
  $ilike: text,
  $nilike: text,
  $gt: text,
  $gte: text,
  $lt: text,
  $lte: text,
};
const stringLeaf = z.strictObject(stringOperators).refine(oneOperator, ONE_OPERATOR);
const stringLeaves = z.array(stringLeaf).min(1).max(MAX_BRANCHES).optional();
export const stringFilter = z
  .strictObject({ ...stringOperators, $and: stringLeaves, $or: stringLeaves })
  .refine(oneOperator, ONE_OPERATOR);
export type StringFilter = z.infer<typeof stringFilter>;

const time = instant.optional();
const timeOperators = { $gt: time, $gte: time, $lt: time, $lte: time };
const timeLeaf = z.strictObject(timeOperators).refine(oneOperator, ONE_OPERATOR);
const timeLeaves = z.array(timeLeaf).min(1).max(MAX_BRANCHES).optional();
export const timeFilter = z
  .strictObject({ ...timeOperators, $and: timeLeaves, $or: timeLeaves })
  .refine(oneOperator, ONE_OPERATOR);
/** Times in epoch ms. */
export type TimeFilter = z.infer<typeof timeFilter>;
