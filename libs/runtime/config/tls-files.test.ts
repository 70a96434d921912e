import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority } from '../../../test/support/certificates.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { readTlsFiles } from './tls-files.js';

const folder = temporaryFolder('tls-files');
const authority = Authority.make(folder, 'authority');
const [one, two] = [authority.sign('one'), authority.sign('two')];
const empty = join(folder, 'empty.pem');
writeFileSync(empty, 'no certificate');
const damaged = join(folder, 'damaged.pem');
writeFileSync(damaged, readFileSync(authority.ca, 'utf8').replace(/\nM/, '\nAAAA'));
const encrypted = join(folder, 'encrypted.key');
spawnSync('openssl', ['pkcs8', '-topk8', '-in', one.key, '-out', encrypted, '-passout', 'pass:secret']);

const problemOf = (files: Parameters<typeof readTlsFiles>[1]) => {
  try {
    readTlsFiles('KEYMETER_KAFKA_TLS', files);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', retryable: false });
    return (error as Error).message;
  }
};

test('files that hold what they must are read', () => {
  const texts = readTlsFiles('KEYMETER_KAFKA_TLS', { ca: authority.ca, ...one });
  expect(texts).toEqual({
    ca: readFileSync(authority.ca, 'utf8'),
    cert: readFileSync(one.cert, 'utf8'),
    key: readFileSync(one.key, 'utf8'),
  });
  expect(readTlsFiles('KEYMETER_KAFKA_TLS', {})).toEqual({});
});

test.each([
  [
    'a missing file',
    { ca: join(folder, 'nowhere.pem') },
    /^KEYMETER_KAFKA_TLS_CA_FILE: .*nowhere.pem cannot be read \(ENOENT\)/,
  ],
  ['a folder', { cert: folder, key: one.key }, /^KEYMETER_KAFKA_TLS_CERT_FILE: .* cannot be read \(EISDIR\)/],
  [
    'a file without a certificate',
    { ca: empty },
    /^KEYMETER_KAFKA_TLS_CA_FILE: .*empty.pem holds no certificate in PEM/,
  ],
  [
    'a damaged certificate',
    { ca: damaged },
    /^KEYMETER_KAFKA_TLS_CA_FILE: .*holds a certificate that cannot be decoded/,
  ],
  ['a key in place of a certificate', { ca: one.key }, /^KEYMETER_KAFKA_TLS_CA_FILE: .* holds no certificate/],
  [
    'a certificate in place of a key',
    { cert: one.cert, key: one.cert },
    /^KEYMETER_KAFKA_TLS_KEY_FILE: .* holds no private key/,
  ],
  ['an encrypted key', { cert: one.cert, key: encrypted }, /^KEYMETER_KAFKA_TLS_KEY_FILE: .* is encrypted/],
  ['the key of another certificate', { cert: one.cert, key: two.key }, /do not belong together/],
])('%s is one sentence that names the setting and quotes nothing of the file', (_, files, sentence) => {
  const problem = problemOf(files);
  expect(problem).toMatch(sentence);
  expect(problem).not.toMatch(/\n|MII|MIG/);
});
