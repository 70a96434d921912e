export interface Started {
  readonly url: string;
  readonly dataFolder: string;
  /** Only when it was made by this start. */
  readonly newRootKey: string | undefined;
  readonly startupMs: number;
}

/** What a person sees: where it is, what to keep, what to try. */
export function startMessage({ url, dataFolder, newRootKey, startupMs }: Started): string {
  const key = newRootKey ?? '$KEYMETER_ROOT_KEY';
  const lines = [
    `keymeter is listening on ${url} (started in ${(startupMs / 1000).toFixed(1)} s)`,
    `data folder  ${dataFolder}`,
  ];
  if (newRootKey) lines.push(`root key     ${newRootKey}   (shown this once; only its hash is stored)`);
  return `${[
    ...lines,
    '',
    'Try in another terminal:',
    `  export KEYMETER_URL=${url} KEYMETER_ROOT_KEY=${key}`,
    '  npx keymeter keys create --api demo',
    '  npx keymeter import /var/log/nginx/access.log',
    '  npx keymeter usage --by subject --window hour',
    '',
  ].join('\n')}\n`;
}
