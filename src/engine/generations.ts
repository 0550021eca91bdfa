/**
 * generations.ts – A cache by group and key in two generations.
 *
 * Keeps true: it never holds more than `countMax` values, nor more than `weightMax` of weight. What
 * was used since half of either came in is still there. When the young generation is full it
 * becomes the old one, and all that was in that one goes; a use brings a value back to the young
 * one. So a use costs two looks, while a list in the order of uses is relinked each time. A value
 * that is written again weighs again until its generation is full.
 */
export class Generations<V> {
  readonly #countMax: number;
  readonly #weightMax: number;
  readonly #weigh: (value: V) => number;
  #young = new Map<string, Map<string, V>>();
  #old = new Map<string, Map<string, V>>();
  /** Of the young generation. */
  #count = 0;
  #weight = 0;

  constructor(
    countMax: number,
    weightMax = Number.POSITIVE_INFINITY,
    weigh: (value: V) => number = () => 0,
  ) {
    this.#countMax = Math.max(1, countMax / 2);
    this.#weightMax = weightMax / 2;
    this.#weigh = weigh;
  }

  get(group: string, key: string): V | undefined {
    const value = this.#young.get(group)?.get(key);
    if (value !== undefined) return value;
    const older = this.#old.get(group)?.get(key);
    if (older !== undefined) this.set(group, key, older);
    return older;
  }

  /** As `get`, but is no use of it. */
  peek(group: string, key: string): V | undefined {
    return this.#young.get(group)?.get(key) ?? this.#old.get(group)?.get(key);
  }

  /** A value that is heavier than a generation is not kept, nor what was there before it. */
  set(group: string, key: string, value: V): void {
    const weight = this.#weigh(value);
    if (weight > this.#weightMax) {
      this.delete(group, key);
      return;
    }
    if (this.#weight + weight > this.#weightMax) this.#age();
    let values = this.#young.get(group);
    if (!values?.has(key)) {
      if (this.#count + 1 > this.#countMax) {
        this.#age();
        values = undefined;
      }
      this.#count++;
    }
    if (!values) this.#young.set(group, (values = new Map()));
    this.#weight += weight;
    values.set(key, value);
  }

  delete(group: string, key: string): void {
    if (this.#young.get(group)?.delete(key)) this.#count--;
    this.#old.get(group)?.delete(key);
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#count = 0;
    this.#weight = 0;
  }
}
