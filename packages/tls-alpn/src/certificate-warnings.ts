import type { CertificateInfo } from './credentials.ts';

/** Something about a served certificate that the operator should act on. */
export interface CertificateWarning {
  /** `reload-failed`: the files cannot be used, the previous certificates stay in service. */
  readonly kind: 'expired' | 'expires-soon' | 'not-yet-valid' | 'no-names' | 'reload-failed';
  /** A sentence with the file, the names, and what to do. */
  readonly message: string;
  /** The certificate meant; null for `reload-failed`. */
  readonly certificate: CertificateInfo | null;
}

const DAY_MS = 86_400_000;

/** The warnings that hold for a certificate at a moment (milliseconds since the epoch). */
export function warningsFor(info: CertificateInfo, now: number, warnBeforeDays: number): CertificateWarning[] {
  const warnings: CertificateWarning[] = [];
  const what = `certificate ${info.source} for ${info.names.join(', ') || 'no name'}`;
  const daysLeft = Math.floor((info.notAfter - now) / DAY_MS);
  const soon = daysLeft < 1 ? 'in less than a day' : daysLeft === 1 ? 'in one day' : `in ${daysLeft} days`;
  const warn = (kind: CertificateWarning['kind'], message: string): void => {
    warnings.push({ kind, message, certificate: info });
  };
  if (now >= info.notAfter) {
    warn('expired', `${what} expired on ${dateOf(info.notAfter)}; clients refuse it, replace it`);
  } else if (daysLeft < warnBeforeDays) {
    warn('expires-soon', `${what} expires on ${dateOf(info.notAfter)}, ${soon}; renew it`);
  }
  if (now < info.notBefore) {
    warn('not-yet-valid', `${what} is valid only from ${dateOf(info.notBefore)}; check the clock of this machine`);
  }
  if (info.names.length === 0) {
    warn('no-names', `${what}: it holds no DNS name, so no server name selects it (RFC 9525 6.3 ignores common names)`);
  }
  return warnings;
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
