import { prepare } from './prepare.mjs';

prepare();
const { settingsTable } = await import('../dist/libs/runtime/config/print-settings.js');
process.stdout.write(`${settingsTable()}\n`);
