/** What node:tls and OpenSSL report, as half a sentence that says what to do. Codes: nodejs.org/api/tls.html, x509. */

/** `prefix` is the settings' common beginning, such as KEYMETER_KAFKA_TLS. Undefined where TLS is not the trouble. */
export function tlsTrouble(error: unknown, prefix: string): string | undefined {
  const { code, message } = firstTls(error) ?? {};
  if (code === undefined) return undefined;
  if (UNTRUSTED.has(code)) {
    return `its certificate is not signed by an authority that is trusted here (${code}): set ${prefix}_CA_FILE to the certificate of the one that signed it`;
  }
  if (code === 'CERT_HAS_EXPIRED') return `its certificate has expired: renew it there (${code})`;
  if (code === 'CERT_NOT_YET_VALID') return `its certificate is not valid yet: compare the clocks (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for other names than the one it was asked by (${code}): use a name that stands in the certificate`;
  }
  if (NO_TLS.test(`${code} ${message}`))
    return `that port does not speak TLS (${code}): give its TLS port, or switch TLS off`;
  if (CLIENT.test(`${code} ${message}`)) {
    return `it does not accept keymeter's certificate (${code}): set ${prefix}_CERT_FILE and ${prefix}_KEY_FILE to ones that it trusts`;
  }
  return `TLS fails (${code})`;
}

const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
]);
const OTHERS = /^(CERT_|ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO$)/;
const NO_TLS =
  /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNSUPPORTED_PROTOCOL|wrong version number|packet length too long/;
const CLIENT =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|UNSUPPORTED_CERTIFICATE)|alert (certificate required|bad certificate|unknown ca|handshake failure)/;

interface Coded {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** Clients wrap what the socket said: the first error of the chain that TLS raised. */
function firstTls(error: unknown): { code: string; message: string } | undefined {
  let at = error as Coded | undefined;
  for (let depth = 0; depth < 8 && typeof at === 'object' && at !== null; depth++) {
    const { code } = at;
    if (typeof code === 'string' && (UNTRUSTED.has(code) || OTHERS.test(code))) {
      return { code, message: String(at.message) };
    }
    at = at.cause as Coded | undefined;
  }
  return undefined;
}
