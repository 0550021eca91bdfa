/**
 * webhook-target.ts – The allowed targets of webhooks: public addresses, and those that the
 * operator allows besides.
 *
 * Keeps true: an address passes only if it is known to be public, so a range that was forgotten is
 * refused. However it is spelled, the address that a socket would connect to is checked. A name is
 * checked here only as text; its addresses are checked when a connection is made
 * (jobs/webhook-connect.ts), by the same `addressFault`.
 */
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const URL_LENGTH_MAX = 2048;
/**
 * Public by its range, and yet the machine's own: the wire server of one cloud. The other metadata
 * addresses lie in private ranges.
 */
const FORBIDDEN_PUBLIC = new Set(['168.63.129.16']);
/** All that is assigned for use in the internet; the embedded IPv4 forms of `::/96` lie outside. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** IPv4 as it is seen through a NAT64: the one prefix whose last four bytes are the address. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** The exceptions of the configuration: names, addresses and CIDRs. */
export class AllowedTargets {
  readonly #names = new Set<string>();
  readonly #ranges: [Address, number][] = [];

  /** Caller: every entry is an address, a CIDR or a host name (config.ts has checked them). */
  constructor(entries: readonly string[] = []) {
    for (const entry of entries) {
      if (ipaddr.isValidCIDR(entry)) this.#ranges.push(ipaddr.parseCIDR(entry));
      else if (ipaddr.isValid(entry)) this.#ranges.push(wholeOf(ipaddr.parse(entry)));
      else this.#names.add(bareName(entry.toLowerCase()));
    }
  }

  hasName(host: string): boolean {
    return this.#names.has(bareName(host));
  }

  hasAddress(address: Address): boolean {
    return this.#ranges.some(
      ([range, bits]) =>
        range.kind() === address.kind() &&
        (address as ipaddr.IPv4).match([range as ipaddr.IPv4, bits]),
    );
  }
}

/**
 * Why no webhook may be sent to this URL, as far as it is known without asking DNS; undefined if it
 * may.
 */
export function targetFault(given: unknown, allowed: AllowedTargets): string | undefined {
  if (typeof given !== 'string') return 'url is required: where the webhooks are sent';
  if (given.length > URL_LENGTH_MAX) return `url may have at most ${URL_LENGTH_MAX} characters`;
  if (isUnclean(given))
    return 'url may not hold blanks or control characters, nor stand for them by % (such as %0a)';
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url) return 'url is not a valid URL';
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'url must begin with https:// or http://';
  // They would be sent with every webhook, and shown to every reader of the activation.
  if (url.username !== '' || url.password !== '')
    return 'url may not hold a user name or a password';
  return hostFault(url.hostname, allowed);
}

/**
 * A parser of URLs takes line breaks and blanks away without a word: what is stored would not be
 * what was seen.
 */
function isUnclean(given: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a URL must not hold
  if (/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/u.test(given) || !given.isWellFormed())
    return true;
  return /%(?:[01][0-9a-f]|7f|c2%[89][0-9a-f])/i.test(given);
}

/**
 * A URL as it is shown to readers who may not change it: path and query are often what the receiver
 * knows us by.
 */
export function shownTarget(url: string): string {
  return new URL(url).origin;
}

/**
 * A fault of the host by itself: a literal address, in whatever spelling, has become its plain form
 * in the URL's `hostname`.
 */
export function hostFault(host: string, allowed: AllowedTargets): string | undefined {
  if (allowed.hasName(host)) return undefined;
  const name = bareName(host);
  if (name === '') return 'url has no host';
  if (name === 'localhost' || name.endsWith('.localhost')) return 'the host is this machine itself';
  return isLiteral(name) ? addressFault(name, allowed) : undefined;
}

/** Why nothing may be sent to an address; undefined if it may. */
export function addressFault(given: string, allowed: AllowedTargets): string | undefined {
  const address = readAddress(given);
  if (!address) return 'the address can not be read';
  if (allowed.hasAddress(address)) return undefined;
  return isPublic(address) ? undefined : `the address is not a public one (${address.range()})`;
}

function isLiteral(host: string): boolean {
  return host.startsWith('[') || ipaddr.isValid(host);
}

function readAddress(given: string): Address | undefined {
  const bare = given.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? embedded(ipaddr.parse(bare)) : undefined;
}

/**
 * The IPv4 address that an IPv6 one stands for, where a socket or a gateway would take it so; else
 * the address itself.
 */
function embedded(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  if (address.match(NAT64)) return new ipaddr.IPv4(address.toByteArray().slice(12));
  return address;
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || FORBIDDEN_PUBLIC.has(address.toString())) return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}

function wholeOf(address: Address): [Address, number] {
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** A name ends where its last dots begin: `localhost.` is `localhost`. */
function bareName(host: string): string {
  return host.replace(/\.+$/, '');
}
