import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { describeWebhookDeliveryStore } from '#contracts/webhook-delivery-store.contract.js';
import { describeWebhookEndpointStore } from '#contracts/webhook-endpoint-store.contract.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { openEnvironment } from './environment.js';
import { LmdbWebhookDeliveryStore } from './lmdb-webhook-delivery-store.js';
import { LmdbWebhookEndpointStore } from './lmdb-webhook-endpoint-store.js';

const folder = temporaryFolder('webhook-stores');
let count = 0;

interface Opened<Store> {
  readonly store: Store;
  reopen(): Promise<Opened<Store>>;
  close(): Promise<void>;
}

async function openAt<Store>(path: string, storeOn: (root: RootDatabase) => Store): Promise<Opened<Store>> {
  const root = await openEnvironment(path);
  const close = () => root.close();
  const reopen = async () => {
    await close();
    return openAt(path, storeOn);
  };
  return { store: storeOn(root), close, reopen };
}

const fresh = () => join(folder, String(count++));

describeWebhookDeliveryStore('LMDB', () => openAt(fresh(), (root) => new LmdbWebhookDeliveryStore(root, 3)));
describeWebhookEndpointStore('LMDB', () => openAt(fresh(), (root) => new LmdbWebhookEndpointStore(root, 3)));
