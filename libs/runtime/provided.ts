import { type Abstract, type DynamicModule, Module } from '@nestjs/common';

@Module({})
class Provided {}

/** A global module of ready-made objects: how a process gives its adapters to the apps it is composed of. */
export function provided(pairs: readonly (readonly [token: Abstract<unknown>, value: unknown])[]): DynamicModule {
  const providers = pairs.map(([provide, useValue]) => ({ provide, useValue }));
  return { module: Provided, global: true, providers, exports: providers.map(({ provide }) => provide) };
}
