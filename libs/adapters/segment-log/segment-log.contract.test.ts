import { join } from 'node:path';
import { describeEventLog, type OpenLog } from '#contracts/event-log.contract.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { SegmentLogReader } from './segment-log-reader.js';
import { SegmentLogWriter } from './segment-log-writer.js';

const folder = temporaryFolder('segment-log');
let count = 0;

async function openAt(path: string, partitions: number): Promise<OpenLog> {
  const writer = await SegmentLogWriter.open({
    folder: path,
    partitions,
    segmentBytes: 20_000,
    maxBytes: 1e9,
    reserveBytes: 0,
  });
  const reader = new SegmentLogReader(path, writer.watermarks.shared);
  const close = async () => {
    await reader.close();
    await writer.close();
  };
  return {
    writer,
    reader,
    close,
    reopen: async () => {
      await close();
      return openAt(path, partitions);
    },
  };
}

describeEventLog('segment files', (partitions) => openAt(join(folder, String(count++)), partitions));
