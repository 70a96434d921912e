/**
 * `--map TARGET=PATH` and `--set TARGET=TEXT`: which field of a record becomes which part of the event. Targets are
 * subject, time, type, id and data.NAME; a path is names joined by dots (`user.id`).
 */
import type { Json, JsonObject } from '#domain/json.js';
import { CliError, EXIT } from '../exit-code.js';

export interface MappedFields {
  subject?: Json;
  time?: Json;
  type?: Json;
  id?: Json;
}

const ATTRIBUTES = ['subject', 'time', 'type', 'id'] as const;
type Attribute = (typeof ATTRIBUTES)[number];

interface Rule {
  readonly target: Attribute | { readonly dataField: string };
  readonly read: (record: JsonObject) => Json | undefined;
}

export class FieldMapping {
  private constructor(private readonly rules: readonly Rule[]) {}

  static parse(maps: readonly string[], sets: readonly string[]): FieldMapping {
    return new FieldMapping([
      ...maps.map((text) => parseRule('--map', text, (path) => reader(path.split('.')))),
      ...sets.map((text) => parseRule('--set', text, (value) => () => value)),
    ]);
  }

  get isEmpty(): boolean {
    return this.rules.length === 0;
  }

  get namesData(): boolean {
    return this.rules.some((rule) => typeof rule.target === 'object');
  }

  /** Attributes found in the record; fields of `data` are written into `data`. What the record lacks is left as it is. */
  apply(record: JsonObject, data: JsonObject): MappedFields {
    const fields: MappedFields = {};
    for (const { target, read } of this.rules) {
      const value = read(record);
      if (value === undefined || value === null) continue;
      if (typeof target === 'object') data[target.dataField] = value;
      else fields[target] = value;
    }
    return fields;
  }
}

function parseRule(option: string, text: string, toReader: (right: string) => Rule['read']): Rule {
  const split = text.indexOf('=');
  const left = text.slice(0, split);
  const right = text.slice(split + 1);
  const dataField = left.startsWith('data.') ? left.slice('data.'.length) : '';
  const target = dataField === '' ? ATTRIBUTES.find((name) => name === left) : { dataField };
  if (split < 1 || right === '' || target === undefined || dataField === '__proto__') {
    throw new CliError(
      EXIT.usage,
      `${option} wants TARGET=VALUE with a target of subject, time, type, id or data.NAME, not '${text}'`,
    );
  }
  return { target, read: toReader(right) };
}

function reader(path: readonly string[]): Rule['read'] {
  return (record) => {
    let value: Json | undefined = record;
    for (const name of path) {
      if (value === null || typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, name)) {
        return undefined;
      }
      value = value[name];
    }
    return value;
  };
}
