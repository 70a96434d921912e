import { SetMetadata } from '@nestjs/common';

export const REQUIRED_RIGHT = 'keymeter:required-right';

export interface RequiredRight {
  readonly resource: string;
  readonly action: string;
}

/** The right a root key needs for a route, as `usage.read_usage`; RootKeyGuard asks for it. */
export function Requires(right: `${string}.${string}`) {
  const [resource = '', action = ''] = right.split('.');
  return SetMetadata<string, RequiredRight>(REQUIRED_RIGHT, { resource, action });
}
