import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describeMeterStore, type OpenMeterStore } from '#contracts/meter-store.contract.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { openEnvironment } from './environment.js';
import { LmdbMeterStore } from './lmdb-meter-store.js';

const folder = temporaryFolder('meter-store');

describeMeterStore('LMDB', () => openAt(mkdtempSync(join(folder, 'store-'))));

async function openAt(directory: string): Promise<OpenMeterStore> {
  const environment = await openEnvironment(directory);
  return {
    store: new LmdbMeterStore(environment, { living: 5, all: 8 }),
    close: () => environment.close(),
    async reopen() {
      await environment.close();
      return openAt(directory);
    },
  };
}
