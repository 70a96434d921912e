/** Values of the Helm chart that contradict each other are refused before anything is installed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { tryChart } from './chart.js';
import { CHART, describeWithManifests, ROOT, readManifest } from './manifests.js';

const REFUSED: readonly (readonly [string, object, string])[] = [
  ['no image', { image: { repository: '' } }, "at '/image/repository'"],
  ['an image that moves', { image: { tag: 'latest' } }, "at '/image/tag'"],
  ['a tag beside a digest', { image: { tag: '1', digest: `sha256:${'0'.repeat(64)}` } }, 'image.tag: is set beside'],
  ['no secret of the root key', { rootKey: { existingSecret: '' } }, "at '/rootKey/existingSecret'"],
  ['no brokers', { kafka: { brokers: [] } }, "at '/kafka/brokers'"],
  ['a broker without a port', { kafka: { brokers: ['kafka'] } }, "at '/kafka/brokers/0'"],
  [
    'a login without a secret',
    { kafka: { sasl: { mechanism: 'plain', user: 'me' } } },
    "at '/kafka/sasl/existingSecret'",
  ],
  ['a user without a login', { kafka: { sasl: { user: 'me' } } }, "at '/kafka/sasl/user'"],
  ['files without TLS', { redis: { tls: { existingSecret: 's', caKey: 'ca' } } }, "at '/redis/tls/"],
  ['files of no secret', { kafka: { tls: { enabled: true, caKey: 'ca.crt' } } }, "at '/kafka/tls/existingSecret'"],
  [
    'a certificate without its key',
    { kafka: { tls: { enabled: true, existingSecret: 's', certKey: 'tls.crt' } } },
    "at '/kafka/tls/keyKey'",
  ],
  ['a password as a value', { redis: { password: 'secret' } }, "additional properties 'password' not allowed"],
  ['several nodes of one Redis', { redis: { nodes: ['a:1', 'b:1'] } }, "at '/redis/nodes'"],
  ['a user of Redis without a secret', { redis: { user: 'me' } }, "at '/redis/existingSecret'"],
  ['a password in the URL', { clickhouse: { url: 'http://me:secret@clickhouse' } }, "at '/clickhouse/url'"],
  [
    'certificates for a plain URL',
    { clickhouse: { tls: { existingSecret: 's', caKey: 'ca.crt' } } },
    "at '/clickhouse/url'",
  ],
  ['a setting that is none', { settings: { KEYMETER_LEASE: 1 } }, "additional properties 'KEYMETER_LEASE' not allowed"],
  ['a setting that the chart sets itself', { settings: { KEYMETER_PORT: 1 } }, "'KEYMETER_PORT' not allowed"],
  ['a setting out of its range', { settings: { KEYMETER_LEASE_MS: 5 } }, "at '/settings/KEYMETER_LEASE_MS'"],
  ['a word that is none of its setting', { settings: { KEYMETER_LIMITS: 'slow' } }, "at '/settings/KEYMETER_LIMITS'"],
  ['a spool in MiB', { ingress: { storage: { size: '500Mi' } } }, "at '/ingress/storage/size'"],
  [
    'more consumers than partitions',
    { consumer: { replicas: 9 } },
    'consumer.replicas: more than kafka.partitions (8)',
  ],
  ['more policies than partitions', { policy: { replicas: 9 } }, 'policy.replicas: more than kafka.partitions (8)'],
  [
    'more consumers in time than partitions',
    { consumer: { autoscaling: { enabled: true, maxReplicas: 9 } } },
    'consumer.autoscaling.maxReplicas: more than kafka.partitions (8)',
  ],
  [
    'a least above the most',
    { ingress: { autoscaling: { minReplicas: 20 } } },
    'ingress.autoscaling.minReplicas: more',
  ],
  ['a route of no gateway', { gateway: { enabled: true } }, "at '/gateway/parentRefs'"],
  ['a misspelt value', { ingres: {} }, "additional properties 'ingres' not allowed"],
];

describeWithManifests()('the chart refuses', () => {
  test.each(REFUSED)('%s', (_, values, sentence) => {
    expect(tryChart('least', values).error).toContain(sentence);
  });

  test('nothing of the least that must be given', () => {
    expect(tryChart('least', {}).error).toBeUndefined();
  });

  test('to be installed without being told of anything', () => {
    const { error } = readManifest<unknown>({ read: 'chart', path: CHART, release: 'prod', namespace: 'keys' });
    for (const place of [
      '/image/repository',
      '/rootKey/existingSecret',
      '/kafka/brokers',
      '/redis/nodes',
      '/clickhouse/url',
    ]) {
      expect(error).toContain(place);
    }
  });
});

test('the settings that the chart passes on are those of the processes', () => {
  const script = join(ROOT, 'scripts/chart-schema.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--built', '--check'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
