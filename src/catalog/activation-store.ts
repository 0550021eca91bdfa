/**
 * activation-store.ts – The port that keeps what activations have beside the catalog: their
 * secrets, and a list of those that are gone.
 *
 * Keeps true: a secret is written with the catalog version that brings its activation
 * (catalog-log.ts) and goes with it. An activation that went is listed until nothing is kept of it
 * elsewhere.
 */
export interface ActivationStore {
  /** Undefined if the activation is gone. */
  secretOf(activation: string): Promise<string | undefined>;
  /** The activations that have a secret. */
  withSecrets(): Promise<string[]>;
  forgetSecrets(activations: readonly string[]): Promise<void>;
  /** Activations that went, the oldest first. */
  gone(): Promise<string[]>;
  /** Forgets those that went before. */
  forgetGone(beforeMs: number): Promise<void>;
}
