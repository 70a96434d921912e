import 'reflect-metadata';
import { runProcess } from '#runtime/process-main.js';
import { startStandalone } from './standalone.js';

await runProcess(startStandalone);
