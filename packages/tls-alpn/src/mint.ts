import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import type forge from 'node-forge';

/**
 * X.509 certificates for the development CA. node-forge only writes ASN.1 here: keys, digests and signatures come
 * from node:crypto, and nothing that a peer sent is ever parsed. It is loaded on the first certificate minted, so that
 * a program with certificates of its own never pays for it.
 */

/** What a certificate authority may sign for: DNS suffixes, and IPv4 or IPv6 networks such as `127.0.0.0/8`. */
export interface NameConstraints {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
}

/** An authority that signs: its certificate's subject, and its RSA key. */
export interface Issuer {
  readonly commonName: string;
  readonly privateKey: KeyObject;
}

/** A certificate to mint. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly publicKey: KeyObject;
  /** Validity, milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly purpose:
    | { readonly kind: 'authority'; readonly constraints: NameConstraints }
    | { readonly kind: 'server'; readonly names: readonly string[] }
    | { readonly kind: 'client' };
}

type Asn1 = forge.asn1.Asn1;

/** The library, with the two functions that its type definitions leave out. */
type Forge = typeof forge & {
  readonly pki: { readonly getTBSCertificate: (certificate: forge.pki.Certificate) => Asn1 };
  readonly util: { readonly bytesFromIP: (address: string) => string };
};

const OID_SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
const OID_NAME_CONSTRAINTS = '2.5.29.30';
/** Position of subjectPublicKeyInfo in TBSCertificate (RFC 5280 4.1). */
const SUBJECT_PUBLIC_KEY_INFO = 6;
const ORGANIZATION = 'Glassway development CA';

let loading: Promise<Forge> | null = null;

function loadForge(): Promise<Forge> {
  // A CommonJS module: everything hangs off the default export.
  loading ??= import('node-forge').then(module => module.default as Forge);
  return loading;
}

/** Mints a certificate and returns it as PEM. */
export async function mint(request: CertificateRequest, issuer: Issuer): Promise<string> {
  const library = await loadForge();
  const { asn1, pki } = library;
  const certificate = pki.createCertificate();
  certificate.serialNumber = newSerial();
  certificate.validity.notBefore = new Date(request.notBefore);
  certificate.validity.notAfter = new Date(request.notAfter);
  certificate.setSubject(nameOf(request.commonName));
  certificate.setIssuer(nameOf(issuer.commonName));
  certificate.setExtensions(extensionsOf(library, request, issuer));
  certificate.signatureOid = pki.oids['sha256WithRSAEncryption']!;
  certificate.siginfo.algorithmOid = certificate.signatureOid;

  // node-forge writes RSA public keys only. The authority's own takes the place until the real one, as DER from
  // node:crypto, is put in.
  certificate.publicKey = pki.publicKeyFromPem(pemOf(createPublicKey(issuer.privateKey)));
  const tbs = pki.getTBSCertificate(certificate);
  const fields = tbs.value as Asn1[];
  fields[SUBJECT_PUBLIC_KEY_INFO] = asn1.fromDer(spkiOf(request.publicKey).toString('latin1'));
  certificate.tbsCertificate = tbs;

  const der = Buffer.from(asn1.toDer(tbs).getBytes(), 'latin1');
  certificate.signature = sign('sha256', der, issuer.privateKey).toString('latin1');
  return pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

function nameOf(commonName: string): forge.pki.CertificateField[] {
  return [
    { name: 'organizationName', value: ORGANIZATION },
    { name: 'commonName', value: commonName },
  ];
}

/** RFC 5280 4.1.2.2: positive and at most 20 octets; 16 random ones with the top bit clear and a bit below it set. */
function newSerial(): string {
  const octets = randomBytes(16);
  octets[0] = (octets[0]! & 0x7f) | 0x40;
  return octets.toString('hex');
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/** RFC 7093 2(1): the left-most 160 bits of SHA-256 over the key; the identifier only has to be unique. */
function keyIdentifier(key: KeyObject): string {
  return createHash('sha256').update(spkiOf(key)).digest().subarray(0, 20).toString('latin1');
}

function extensionsOf(library: Forge, { purpose, publicKey }: CertificateRequest, issuer: Issuer): object[] {
  const { asn1 } = library;
  const octets = (value: string): Asn1 => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, value);
  const subjectKeyIdentifier = { id: OID_SUBJECT_KEY_IDENTIFIER, value: octets(keyIdentifier(publicKey)) };
  if (purpose.kind === 'authority') {
    return [
      // No intermediate authorities: pathLen 0.
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      subjectKeyIdentifier,
      { id: OID_NAME_CONSTRAINTS, critical: true, value: nameConstraints(library, purpose.constraints) },
    ];
  }
  const authorityKey = keyIdentifier(createPublicKey(issuer.privateKey));
  const server = purpose.kind === 'server';
  return [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: server, clientAuth: !server },
    subjectKeyIdentifier,
    { name: 'authorityKeyIdentifier', keyIdentifier: authorityKey },
    ...(server ? [{ name: 'subjectAltName', altNames: purpose.names.map(alternativeName) }] : []),
  ];
}

/** GeneralName (RFC 5280 4.2.1.6): 2 is dNSName, 7 is iPAddress. */
function alternativeName(name: string): object {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}

/** RFC 5280 4.2.1.10: NameConstraints with permittedSubtrees [0]; both kinds are present, so both are constrained. */
function nameConstraints({ asn1, util }: Forge, { dns, ip }: NameConstraints): Asn1 {
  const subtree = (tag: number, base: string): Asn1 =>
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [
      asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, base),
    ]);
  const network = (cidr: string): string => {
    const [address = '', bits = ''] = cidr.split('/');
    const base = util.bytesFromIP(address);
    return base + prefixMask(base.length, Number(bits));
  };
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [
    asn1.create(asn1.Class.CONTEXT_SPECIFIC, 0, true, [
      ...dns.map(suffix => subtree(2, suffix)),
      ...ip.map(cidr => subtree(7, network(cidr))),
    ]),
  ]);
}

function prefixMask(octets: number, bits: number): string {
  const mask = Buffer.alloc(octets);
  for (let i = 0; i < octets; i++) mask[i] = 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
  return mask.toString('latin1');
}
