/** Policies as files have them: documents, or threshold policies as JSON. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readPolicyFile } from '#domain/policies/documents/policy-file.js';
import { policyInputSchema } from '#domain/policies/policy.js';
import type { CliContext } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import type { ApiRequest } from '../http/api-client.js';
import { readText } from '../input-text.js';
import { faultLine } from './policy-files.js';

export interface PolicyDraft {
  readonly name: string;
  /** With defaults filled where it is sound; as it is where the server is to say what is wrong. */
  readonly policy: object;
  /** What is sent: a document as it was written. */
  readonly request: ApiRequest;
}

const POLICY_FILE = /\.(ya?ml|json)$/;

/** Of a file, of standard input, or of every policy file of a folder. */
export async function readDrafts(context: CliContext, name: string): Promise<PolicyDraft[]> {
  const files = await filesOf(context, name);
  const drafts: PolicyDraft[] = [];
  for (const file of files) {
    for (const draft of draftsOf(file, await readText(context, file))) {
      if (drafts.some((it) => it.name === draft.name)) {
        throw new CliError(EXIT.failed, `${file}: two policies are called '${draft.name}'`);
      }
      drafts.push(draft);
    }
  }
  return drafts;
}

async function filesOf({ cwd }: CliContext, name: string): Promise<string[]> {
  const path = resolve(cwd, name);
  const found = name === '-' ? undefined : await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [name];
  const files = (await readdir(path)).filter((file) => POLICY_FILE.test(file)).sort();
  if (files.length === 0) throw new CliError(EXIT.failed, `${name} has no file that ends in .yaml, .yml or .json`);
  return files.map((file) => join(name, file));
}

function draftsOf(file: string, text: string): PolicyDraft[] {
  if (/^\s*("?kind"?\s*:|\{\s*"kind")/m.test(text)) return documentsOf(file, text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new CliError(EXIT.failed, `${file} is no JSON: ${(error as Error).message}`);
  }
  const listed = (parsed as { policies?: unknown } | null)?.policies ?? parsed;
  const drafts: unknown[] = Array.isArray(listed) ? listed : [listed];
  return drafts.map((draft, index) => {
    const name = (draft as { name?: unknown } | null)?.name;
    if (typeof name !== 'string' || name === '') {
      throw new CliError(EXIT.failed, `${file}: policy ${index + 1} has no name`);
    }
    const sound = policyInputSchema.safeParse(draft);
    return { name, policy: sound.success ? sound.data : (draft as object), request: { body: draft } };
  });
}

function documentsOf(file: string, text: string): PolicyDraft[] {
  const { policies, faults } = readPolicyFile(text);
  if (faults.length > 0) {
    const lines = faults.map((fault) => faultLine({ ...fault, file }).trimEnd());
    throw new CliError(EXIT.failed, `nothing was applied\n${lines.join('\n')}`);
  }
  return policies.map(({ document, text: written }) => ({
    name: document.name,
    policy: document,
    request: { rawBody: Buffer.from(written), headers: { 'Content-Type': 'application/yaml' } },
  }));
}
