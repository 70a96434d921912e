/** Loaded by the apps of a run with `--break`: switches the protection off that FAULTS_BREAK names. */
import { register } from 'node:module';

register('./broken-protection-hooks.js', import.meta.url, { data: process.env.FAULTS_BREAK });
