import { KeymeterError } from '#domain/errors.js';
import { HttpProblem } from '#runtime/http/http-problem.js';

/** An answer beyond the store's limits is the question's fault: 400 with what to ask instead. */
export async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof KeymeterError) || error.code !== 'QUERY_TOO_LARGE') throw error;
    throw new HttpProblem(400, 'keymeter/query_too_large', error.message);
  }
}
