import { generate } from 'selfsigned';

/** PEM texts of a new authority and of a server certificate it signed. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const dayMs = 24 * 60 * 60 * 1000;

let made: Promise<Certificates> | undefined;

/** An authority and a certificate for localhost and 127.0.0.1, valid from yesterday for 30 days; made once (0.2 s). */
export function certificates(): Promise<Certificates> {
  made ??= makeCertificates();
  return made;
}

/** As {@link certificates}, but always new ones: for a server that the first authority did not sign. */
export async function makeCertificates(): Promise<Certificates> {
  const validity = {
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - dayMs),
    notAfterDate: new Date(Date.now() + 30 * dayMs),
  };
  const authority = await generate([{ name: 'commonName', value: 'Flexferry test authority' }], {
    ...validity,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...validity,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { authority: authority.cert, certificate: server.cert, key: server.private };
}
