import { StandardSchemaValidationPipe } from '@nestjs/common';
import { type SchemaIssue, specificIssues } from '#domain/schema-issues.js';
import { type FieldError, invalidInput } from './http-problem.js';

const MAX_ERRORS = 50;

/** Without this pipe Nest ignores the schemas of `@Body({ schema })`. */
export function schemaPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => invalidInput('The request failed to validate.', fieldErrors(issues)),
  });
}

/** Each finding at its JSON pointer; unknown properties one by one. Values are never quoted. */
export function fieldErrors(issues: readonly SchemaIssue[]): FieldError[] {
  return specificIssues(issues).flatMap(toFieldErrors).slice(0, MAX_ERRORS);
}

function toFieldErrors(issue: SchemaIssue): FieldError[] {
  const location = pointer(issue.path ?? []);
  if (issue.code !== 'unrecognized_keys' || !issue.keys) return [{ location, message: issue.message }];
  return issue.keys.slice(0, MAX_ERRORS).map((name) => ({
    location: `${location}/${escaped(shortened(name))}`,
    message: `additional properties '${shortened(name)}' not allowed`,
    fix: 'remove the property',
  }));
}

function pointer(path: NonNullable<SchemaIssue['path']>): string {
  return path.map((part) => `/${escaped(String(typeof part === 'object' ? part.key : part))}`).join('');
}

/** RFC 6901. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function shortened(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}
