import { type PolicyFault, type ReadPolicy, readPolicyFile } from '#domain/policies/documents/policy-file.js';
import type { Invocation } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { readText } from '../input-text.js';

export interface FileFault extends PolicyFault {
  readonly file: string;
}

export interface FilePolicy extends ReadPolicy {
  readonly file: string;
}

export interface ReadFiles {
  readonly policies: readonly FilePolicy[];
  readonly faults: readonly FileFault[];
}

/** Reads every file as policy documents; the names of all of them must differ. */
export async function readPolicyFiles({ context }: Invocation, files: readonly string[]): Promise<ReadFiles> {
  const policies: FilePolicy[] = [];
  const faults: FileFault[] = [];
  for (const file of files) {
    const read = readPolicyFile(await readText(context, file));
    policies.push(...read.policies.map((policy) => ({ ...policy, file })));
    faults.push(...read.faults.map((fault) => ({ ...fault, file })));
  }
  for (const [n, { document, file, line }] of policies.entries()) {
    const other = policies.slice(0, n).find((it) => it.file !== file && it.document.name === document.name);
    if (!other) continue;
    const message = `a policy called "${document.name}" is in ${other.file}:${other.line} as well`;
    faults.push({ file, line, column: 1, path: 'name', message });
  }
  return { policies, faults };
}

/** As compilers write it, so that editors jump there. */
export function faultLine({ file, line, column, path, message }: FileFault): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path} `}${message}\n`;
}

export function demandFiles(verb: string, files: readonly string[]): void {
  if (files.length === 0) throw new CliError(EXIT.usage, `policies ${verb} wants one or more files`);
}
