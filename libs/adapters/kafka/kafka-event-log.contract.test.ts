import { describeEventLog, type OpenLog } from '#contracts/event-log.contract.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';

const describeKafka = await describeWithKafka();

describeKafka('against a real broker', () => {
  const rig = KafkaRig.forTests();

  async function openAt(topic: Awaited<ReturnType<KafkaRig['topic']>>): Promise<OpenLog> {
    const writer = await rig.writer(topic);
    const reader = await rig.reader(topic);
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
        return openAt(topic);
      },
    };
  }

  describeEventLog('Kafka', async (partitions) => openAt(await rig.topic({ partitions })));
});
