/** What a zod schema finds, said of the alternative that was meant. */
type Path = readonly (PropertyKey | { readonly key: PropertyKey })[];

export interface SchemaIssue {
  readonly code?: string;
  readonly message: string;
  readonly path?: Path;
  /** Of an unrecognized_keys issue. */
  readonly keys?: readonly string[];
  /** Of an invalid_union issue: what each alternative finds, its paths within the union's. */
  readonly errors?: readonly (readonly SchemaIssue[])[];
}

/**
 * A union says only that nothing fits. Where the value is of the kind of one alternative alone (the only text, the only
 * object, the only one with this `kind`), what that one finds is meant. A union with a message of its own keeps it.
 */
export function specificIssues(issues: readonly SchemaIssue[]): SchemaIssue[] {
  return issues.flatMap((issue) => {
    const meant = issue.errors?.filter((found) => !found.some(isOfAnotherKind)) ?? [];
    const [only] = meant;
    if (issue.message !== UNSAID || meant.length !== 1 || !only) return [issue];
    const within = specificIssues(only);
    return within.map((found) => ({ ...found, path: [...(issue.path ?? []), ...(found.path ?? [])] }));
  });
}

/** What zod says of a union without a message of its own. */
const UNSAID = 'Invalid input';

function isOfAnotherKind({ code, path = [], keys }: SchemaIssue): boolean {
  if (path.length === 0)
    return code === 'invalid_type' || (code === 'unrecognized_keys' && (keys ?? []).includes('kind'));
  return path.length === 1 && path[0] === 'kind';
}
