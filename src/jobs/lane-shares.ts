/**
 * lane-shares.ts – Shares the lanes of a process among activations and receivers.
 *
 * Keeps true: an activation has at most a quarter of the lanes, a host at most a half. An
 * activation that is not known to answer quickly starts with a few lanes, and keeps one while it
 * hangs. All of these together leave a quarter of the lanes to the others. So a receiver that hangs
 * holds up only itself. An activation without a lane gets one when one is free, so that it can show
 * that it is back.
 */
export interface LaneShare {
  readonly activation: string;
  readonly host: string;
}

/** Lanes of an activation of which nothing is known yet. */
const FIRST_LANES = 4;
/** An attempt that takes longer holds lanes up, whether it succeeds or not. */
const QUICK_MS = 1000;

/** The known behaviour of an activation's receiver. */
interface Known {
  /** Lanes that it may have. */
  limit: number;
  isQuick: boolean;
  inUse: number;
}

export class LaneShares {
  readonly #activationMax: number;
  readonly #hostMax: number;
  readonly #unsureMax: number;
  readonly #known = new Map<string, Known>();
  readonly #hosts = new Map<string, number>();
  #unsure = 0;

  constructor(lanes: number) {
    this.#activationMax = Math.floor(lanes / 4);
    this.#hostMax = Math.floor(lanes / 2);
    this.#unsureMax = Math.floor((lanes * 3) / 4);
  }

  /**
   * Takes a lane, if the activation may have another one. Caller: gives it back by what is
   * returned.
   */
  enter({ activation, host }: LaneShare): (() => void) | undefined {
    const known = this.#of(activation);
    if (!this.#mayEnter(known, host)) return undefined;
    const isUnsure = !known.isQuick;
    this.#add(known, host, isUnsure, 1);
    return () => this.#add(known, host, isUnsure, -1);
  }

  /**
   * Notes what came of an attempt. A refusal that comes at once holds no lane up: its event waits
   * without one.
   */
  note(activation: string, isDelivered: boolean, durationMs: number): void {
    const known = this.#of(activation);
    known.isQuick = durationMs < QUICK_MS;
    if (known.isQuick && isDelivered) known.limit = Math.min(known.limit + 1, this.#activationMax);
    else if (!known.isQuick && !isDelivered) known.limit = 1;
  }

  /** Forgets an activation that is no more. */
  forget(activation: string): void {
    this.#known.delete(activation);
  }

  #mayEnter(known: Known, host: string): boolean {
    if (known.inUse >= known.limit || (this.#hosts.get(host) ?? 0) >= this.#hostMax) return false;
    return known.isQuick || known.inUse === 0 || this.#unsure < this.#unsureMax;
  }

  #add(known: Known, host: string, isUnsure: boolean, lanes: 1 | -1): void {
    known.inUse += lanes;
    if (isUnsure) this.#unsure += lanes;
    const inUse = (this.#hosts.get(host) ?? 0) + lanes;
    if (inUse === 0) this.#hosts.delete(host);
    else this.#hosts.set(host, inUse);
  }

  #of(activation: string): Known {
    let known = this.#known.get(activation);
    if (!known) {
      known = { limit: Math.min(FIRST_LANES, this.#activationMax), isQuick: false, inUse: 0 };
      this.#known.set(activation, known);
    }
    return known;
  }
}
