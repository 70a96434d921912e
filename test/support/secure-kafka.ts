/** A broker with TLS: one port where clients log in (PLAIN, SCRAM-SHA-512), one where they show a certificate. */
import type { Authority } from './certificates.js';
import { freePort } from './free-port.js';
import { TestKafka } from './kafka-server.js';

export const KAFKA_LOGIN = { username: 'keymeter', password: 'pw-of-kafka-5e1f' } as const;

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';

export interface SecureKafka {
  readonly server: TestKafka;
  /** host:port of each listener. */
  readonly plaintext: string;
  readonly login: string;
  readonly mutual: string;
}

export async function startSecureKafka(authority: Authority): Promise<SecureKafka> {
  const [login, mutual] = [await freePort(), await freePort()];
  const { username, password } = KAFKA_LOGIN;
  const server = await TestKafka.start({
    shortLived: true,
    listeners: [
      { name: 'LOGIN', protocol: 'SASL_SSL', port: login },
      { name: 'MUTUAL', protocol: 'SSL', port: mutual },
    ],
    scram: [`SCRAM-SHA-512=[name=${username},password=${password}]`],
    properties: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': authority.signStore('kafka'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': authority.ca,
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
      'listener.name.login.plain.sasl.jaas.config': `${PLAIN} user_${username}="${password}";`,
      'listener.name.login.scram-sha-512.sasl.jaas.config': SCRAM,
      'listener.name.mutual.ssl.client.auth': 'required',
    },
  });
  const at = (port: number) => `127.0.0.1:${port}`;
  return { server, plaintext: at(server.port), login: at(login), mutual: at(mutual) };
}
