import type { ApiClient } from './api-client.js';

/** The id of a new API. */
export async function createApi(api: ApiClient, name: string): Promise<string> {
  const { data } = await api.json<{ data: { apiId: string } }>('POST', '/v2/apis.createApi', { body: { name } });
  return data.apiId;
}
