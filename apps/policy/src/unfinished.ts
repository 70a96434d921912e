import type { INestApplicationContext } from '@nestjs/common';
import { EnforcementPause } from './enforcement/enforcement-pause.js';
import { EnforcementRecorder } from './enforcement/enforcement-recorder.js';
import { PolicyEditor } from './policies/policy-editor.js';

/** Finishes what a crash has left between store and log. Call at start, before anything is read. */
export async function finishUnfinished(app: INestApplicationContext): Promise<void> {
  await app.get(PolicyEditor).recover();
  await app.get(EnforcementRecorder).recover();
  await app.get(EnforcementPause).recover();
}
