/**
 * same-origin.ts – Whether a request comes from a page of this server.
 *
 * A browser sends cookies, and a key that it knows as a password, with whatever any page asks for.
 * So what changes something must show by itself that it was one of our own pages that asked.
 */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a browser says that one of our own pages asks. Over https and on a loopback address it
 * says so itself (`Sec-Fetch-Site`), whatever a proxy makes of the host; else the origin must be
 * ours: that of `publicUrl`, or where there is none the host that was asked. Another port or
 * subdomain is another origin.
 */
export function isOwnPage(
  { origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders,
  publicUrl?: string,
): boolean {
  if (site !== undefined) return site === 'same-origin';
  if (origin === undefined || !URL.canParse(origin)) return false;
  const asked = new URL(origin);
  if (publicUrl !== undefined) return asked.origin === new URL(publicUrl).origin;
  // Neither names the port that its scheme has anyway, but a client may.
  const own = `${asked.protocol}//${host}`;
  return URL.canParse(own) && asked.origin === new URL(own).origin;
}
