/**
 * known-keys.ts – The keys that the configuration names, and who sends one of them.
 *
 * Keeps true: keys are in memory only as SHA-256 digests. A key that is sent is compared with each
 * of them in constant time, so that an answer's time shows neither its place in the list nor a
 * common beginning.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyEntry, Role } from '../config.ts';

/** Who asks, by the key that allows it. */
export interface Caller {
  readonly role: Role;
  /** Names the key without showing it. */
  readonly holder: string;
  /** What is written wherever it says who did something: the key's name, or its fingerprint. */
  readonly by: string;
  /** SHA-256 of the key, in hex. */
  readonly key: string;
  /** SHA-256 of the session's id, in hex, of who signed in from a browser. */
  readonly session?: string;
}

interface KnownKey extends Caller {
  readonly digest: Buffer;
}

export class KnownKeys {
  readonly #known: readonly KnownKey[];

  /** @param secret of the installation: who does not have it learns nothing by a fingerprint */
  constructor(entries: readonly KeyEntry[], secret: string) {
    this.#known = entries.map((entry) => knownKey(entry, secret));
  }

  /** Whose key was sent; undefined: it is none of ours. */
  find(sent: string): Caller | undefined {
    const digest = createHash('sha256').update(sent).digest();
    let caller: KnownKey | undefined;
    for (const key of this.#known) if (timingSafeEqual(key.digest, digest)) caller = key;
    return caller;
  }

  /** Whose key has this digest. Caller: took it from where only we write. */
  byDigest(digest: string): Caller | undefined {
    return this.#known.find(({ key }) => key === digest);
  }
}

function knownKey({ role, key, name }: KeyEntry, secret: string): KnownKey {
  const digest = createHash('sha256').update(key).digest();
  const hex = digest.toString('hex');
  const by = name ?? fingerprintOf(key, secret);
  return { role, digest, key: hex, holder: hex.slice(0, 16), by };
}

/** No name of a key holds a colon, so it can't pass for one. */
function fingerprintOf(key: string, secret: string): string {
  return `key:${createHmac('sha256', secret).update(key).digest('hex').slice(0, 16)}`;
}
