/** Reads policy documents out of a YAML or JSON file; whatever is wrong is said with line, path and what was expected. */
import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { nearestName } from '../../nearest-name.js';
import { type SchemaIssue, specificIssues } from '../../schema-issues.js';
import { type PolicyDocument, policyDocumentSchema } from './policy-document.js';

const MAX_CHARS = 1_000_000;
const MAX_DOCUMENTS = 1_000;

export interface PolicyFault {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `measures.calls.window`; '' for the whole document. */
  readonly path: string;
  readonly message: string;
}

export function faultSentence({ line, column, path, message }: PolicyFault): string {
  return `line ${line}, column ${column}: ${path === '' ? '' : `${path} `}${message}`;
}

export interface ReadPolicy {
  readonly document: PolicyDocument;
  /** As it stands in the file. */
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
}

export interface PolicyFile {
  readonly policies: readonly ReadPolicy[];
  readonly faults: readonly PolicyFault[];
}

export function readPolicyFile(text: string): PolicyFile {
  if (text.length > MAX_CHARS) return refused(`is longer than ${MAX_CHARS} characters`);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  if (!Array.isArray(documents) || documents.length === 0) return refused('holds no policy');
  if (documents.length > MAX_DOCUMENTS) return refused(`holds more than ${MAX_DOCUMENTS} documents`);
  const policies: ReadPolicy[] = [];
  const faults: PolicyFault[] = [];
  let from = 0;
  for (const document of documents) {
    const to = document.range?.[2] ?? text.length;
    const read = readDocument(document, lines, writtenText(text.slice(from, to)));
    from = to;
    faults.push(...read.faults);
    policies.push(...read.policies);
  }
  faults.push(...twins(policies));
  return { policies, faults };
}

/** Without the marks between documents. */
function writtenText(part: string): string {
  return part
    .replace(/^\s*(---|\.\.\.)[^\S\n]*\n/, '')
    .replace(/\n(---|\.\.\.)\s*$/, '')
    .trim();
}

function readDocument(yaml: Document, lines: LineCounter, text: string): PolicyFile {
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (yaml.errors.length > 0) {
    const faults = yaml.errors.map(({ pos, message }) => ({ ...place(pos[0]), path: '', message }));
    return { policies: [], faults };
  }
  const begin = place(yaml.contents?.range?.[0] ?? 0);
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: 0 });
  } catch {
    return { policies: [], faults: [{ ...begin, path: '', message: 'anchors and aliases are not part of policies' }] };
  }
  const parsed = policyDocumentSchema.safeParse(value);
  if (parsed.success) return { policies: [{ document: parsed.data, line: begin.line, text }], faults: [] };
  const faults = specificIssues(parsed.error.issues as readonly SchemaIssue[]).flatMap((issue) =>
    said(issue).map(({ path, message }) => ({ ...place(offsetOf(yaml, path)), path: textOf(path), message })),
  );
  return { policies: [], faults };
}

interface Said {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function said({ code, keys, message, path = [] }: SchemaIssue): Said[] {
  const plain = path.map((part) => (typeof part === 'object' ? part.key : part)) as (string | number)[];
  if (code !== 'unrecognized_keys' || !keys) return [{ path: plain, message }];
  return keys.map((key) => ({
    path: [...plain, key],
    message: `is not known here; did you mean "${nearestName(key, knownNames())}"?`,
  }));
}

/** Of the value at the path, or of what would hold it. */
function offsetOf(yaml: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = yaml.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return yaml.contents?.range?.[0] ?? 0;
}

function textOf(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

function twins(policies: readonly ReadPolicy[]): PolicyFault[] {
  const seen = new Set<string>();
  return policies.flatMap(({ document: { name }, line }) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ line, column: 1, path: 'name', message: `two policies of this file are called "${name}"` }];
  });
}

function refused(message: string): PolicyFile {
  return { policies: [], faults: [{ line: 1, column: 1, path: '', message: `the file ${message}` }] };
}

let names: readonly string[] | undefined;

/** Of every field of documents, at any depth. */
function knownNames(): readonly string[] {
  names ??= [...namesIn(policyJsonSchema())];
  return names;
}

/** For editors. */
export function policyJsonSchema(): object {
  return z.toJSONSchema(policyDocumentSchema, { io: 'input', unrepresentable: 'any' });
}

function namesIn(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return found;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties') for (const name of Object.keys(value as object)) found.add(name);
    namesIn(value, found);
  }
  return found;
}
