import { readFileSync } from 'node:fs';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { isToMend } from '#adapters/connection/to-mend.js';
import { Authority } from '../../../test/support/certificates.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import { KAFKA_LOGIN, type SecureKafka, startSecureKafka } from '../../../test/support/secure-kafka.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { GroupMembership, type Lease } from './group-membership.js';
import { KafkaConnection, type KafkaOptions } from './kafka-connection.js';
import { KafkaEventLogReader } from './kafka-event-log-reader.js';
import { KafkaEventLogWriter } from './kafka-event-log-writer.js';
import { ensureTopics } from './kafka-topics.js';

function firstLease(member: GroupMembership): Promise<Lease> {
  return new Promise((taken, failed) => {
    member.start({ taken, letGo: async () => undefined, lost: () => undefined }, failed);
  });
}

const describeKafka = await describeWithKafka();

describeKafka('Kafka behind TLS', () => {
  const folder = temporaryFolder('kafka-tls');
  const ours = Authority.make(folder, 'ours');
  const another = Authority.make(folder, 'another');
  const ca = readFileSync(ours.ca, 'utf8');
  const client = ours.sign('client');
  const [cert, key] = [readFileSync(client.cert, 'utf8'), readFileSync(client.key, 'utf8')];
  let kafka: SecureKafka;

  beforeAll(async () => {
    kafka = await startSecureKafka(ours);
  }, 120_000);
  afterAll(() => kafka?.server.close());

  const login = (mechanism: string): KafkaOptions => ({
    brokers: [kafka.login],
    ssl: { ca },
    sasl: { mechanism, ...KAFKA_LOGIN },
  });
  const open = (options: KafkaOptions, prefix: string) =>
    ensureTopics(new KafkaConnection(options), { partitions: 1, replication: 1, retentionMs: 3_600_000, prefix });

  const ways: [string, () => KafkaOptions][] = [
    ['SASL PLAIN', () => login('plain')],
    ['SASL SCRAM-SHA-512', () => login('scram-sha-512')],
    ['a client certificate', () => ({ brokers: [kafka.mutual], ssl: { ca, cert, key } })],
  ];

  test.each(ways)('with %s records are written, read back and committed by a group', async (name, options) => {
    const connection = new KafkaConnection(options());
    const topic = await open(options(), `${name.replace(/\W/g, '')}.`);
    const writer = await KafkaEventLogWriter.open({ connection, topic, clock: new SystemClock() });
    const reader = await KafkaEventLogReader.open(connection, topic);
    const member = new GroupMembership({ connection, topic, groupId: `group of ${name}` });
    try {
      expect(await writer.append(0, Buffer.from('over TLS'))).toBe(0);
      expect(await reader.refresh(0)).toMatchObject({ low: 0, high: 1 });
      expect((await reader.read(0, 0, 1_000)).map(({ value }) => value.toString())).toEqual(['over TLS']);
      const lease = await firstLease(member);
      await member.commits.commit(lease, 1, 'one record');
      expect(await member.commits.committed(0)).toMatchObject({ offset: '1', metadata: 'one record' });
    } finally {
      for (const it of [member, reader, writer]) await it.close();
    }
  });

  const wrongs: [string, () => KafkaOptions, RegExp][] = [
    ['an authority that is not trusted', () => ({ ...login('plain'), ssl: true }), /set KEYMETER_KAFKA_TLS_CA_FILE/],
    [
      'the certificate of another authority',
      () => ({ ...login('plain'), ssl: { ca: readFileSync(another.ca, 'utf8') } }),
      /set KEYMETER_KAFKA_TLS_CA_FILE/,
    ],
    [
      'a wrong password by PLAIN',
      () => ({ ...login('plain'), sasl: { mechanism: 'plain', username: 'keymeter', password: 'pw-wrong-77' } }),
      /check KEYMETER_KAFKA_MECHANISM, KEYMETER_KAFKA_USER and KEYMETER_KAFKA_PASSWORD/,
    ],
    [
      'a wrong password by SCRAM',
      () => ({ ...login('x'), sasl: { mechanism: 'scram-sha-512', username: 'keymeter', password: 'pw-wrong-77' } }),
      /check KEYMETER_KAFKA_MECHANISM/,
    ],
    ['a mechanism that is not offered', () => login('scram-sha-256'), /check KEYMETER_KAFKA_MECHANISM/],
    ['TLS to a port without', () => ({ ...login('plain'), brokers: [kafka.plaintext] }), /set KEYMETER_KAFKA_TLS=off/],
    [
      'no client certificate where one is demanded',
      () => ({ brokers: [kafka.mutual], ssl: { ca } }),
      /KEYMETER_KAFKA_TLS_CERT_FILE/,
    ],
    ['no TLS at a port that speaks it', () => ({ brokers: [kafka.mutual] }), /KEYMETER_KAFKA_TLS=on/],
  ];

  test.each(wrongs)('%s is one sentence with what to do and without the password', async (name, options, sentence) => {
    const failure = await open(options(), 'wrong.').catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'LOG_UNAVAILABLE', message: expect.stringMatching(sentence) });
    expect(isToMend(failure)).toBe(!/port/.test(name)); // at the wrong port another process may listen in a moment
    expect(`${(failure as Error).stack}${JSON.stringify(failure)}`).not.toMatch(/pw-/);
  });
});
