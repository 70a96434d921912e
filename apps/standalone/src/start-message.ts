export interface Started {
  readonly url: string;
  readonly dataFolder: string;
  /** Only when it was made by this start. */
  readonly newRootKey: string | undefined;
}

/** What a person sees: where it is, what to keep, what to try. */
export function startMessage({ url, dataFolder, newRootKey }: Started): string {
  const seconds = (performance.now() / 1000).toFixed(1);
  const lines = [`keymeter is listening on ${url} (started in ${seconds} s)`, `data folder  ${dataFolder}`];
  if (newRootKey) lines.push(`root key     ${newRootKey}   (shown this once; only its hash is stored)`);
  return `${[
    ...lines,
    '',
    'Try in another terminal:',
    `  export KEYMETER_URL=${url} KEYMETER_ROOT_KEY=${newRootKey ?? '<your root key>'}`,
    '  npx keymeter keys create --new-api demo',
    '  npx keymeter import /var/log/nginx/access.log',
    '  npx keymeter usage --by subject --window hour',
    '',
  ].join('\n')}\n`;
}
