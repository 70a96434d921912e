export const WEBHOOKS_PATH = '/api/v1/webhooks';

/** Of one webhook, or of what belongs to it. */
export function webhookPath(id: string, part?: string): string {
  const own = `${WEBHOOKS_PATH}/${encodeURIComponent(id)}`;
  return part === undefined ? own : `${own}/${part}`;
}
