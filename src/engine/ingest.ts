/**
 * ingest.ts – Turns changes as they were sent into changes that are applied: check, route, deliver,
 * wait.
 *
 * Keeps true: a refused change carries its reason and stops no other; changes keep their order per
 * record. What waits in memory is bounded, whatever the length of the input. A change is reported
 * as accepted only when it is in its log. Neither a refusal nor the acceptance of an unknown
 * attribute rests on a catalog older than the one stored when the request began. A value that was
 * checked by an older type than the stored one is checked again where it is applied (`checkedAt`).
 */
import type { Catalog } from '../catalog/catalog.ts';
import { type Change, type Outcome, parseChange } from '../change/change.ts';
import { readExactJson } from '../change/exact-json.ts';
import { partitionOf } from '../change/partition.ts';
import type { Precondition } from '../change/precondition.ts';
import { type ErrorCode, Problem } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { Metrics } from '../metrics.ts';
import type { ChangeDelivery, Delivered, DeliveryChain } from './delivery.ts';

/** What an answer waits for: that changes are applied, or only that they are in the log. */
export const WAITS = ['applied', 'accepted'] as const;
type Wait = (typeof WAITS)[number];

export interface IngestOptions {
  readonly wait: Wait;
  /**
   * How long to wait for the changes to be applied; after that they are only known to be accepted.
   */
  readonly timeoutMs: number;
}

export interface SessionOptions extends IngestOptions {
  /** Rejections that are listed one by one. */
  readonly listedMax?: number;
}

export interface Rejection {
  /** From 1. */
  readonly line: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly path?: string;
}

export interface IngestReport {
  readonly accepted: number;
  /** The first of them, as many as the session lists; the rest is only counted. */
  readonly rejected: readonly Rejection[];
  readonly rejectedTotal: number;
  /** Names the entries that hold the changes. */
  readonly position: string;
  /** Whether all that was accepted is applied. */
  readonly isApplied: boolean;
}

/** Changes of one partition that are gathered before they are delivered. */
const GATHERED_CHANGES = 128;
const GATHERED_BYTES = 128 * 1024;
/** Deliveries of one session that may be under way: reading stops until one is done. */
const UNDER_WAY_MAX = 64;
/** How long one session waits for room in a full log before it refuses a change. */
const PATIENCE_MS = 30_000;
const REJECTION_LENGTH_MAX = 300;
/** How often a session that refuses changes asks whether the catalog has moved on. */
const ASKED_AGAIN_MS = 1000;

/** Brings the catalog to what is stored. */
type Refresh = () => Promise<unknown>;

export class Ingest {
  readonly #catalog: Catalog;
  readonly #delivery: ChangeDelivery;
  readonly #partitions: number;
  readonly #timeZone: string;
  readonly #metrics: Metrics;
  readonly #refresh: Refresh;

  constructor(
    catalog: Catalog,
    refresh: Refresh,
    delivery: ChangeDelivery,
    partitions: number,
    timeZone: string,
    metrics: Metrics,
  ) {
    this.#catalog = catalog;
    this.#refresh = refresh;
    this.#delivery = delivery;
    this.#partitions = partitions;
    this.#timeZone = timeZone;
    this.#metrics = metrics;
  }

  /** Reads a change as it was sent. @throws Problem */
  parse(given: unknown): Change {
    return parseChange(given, this.#catalog.objectTypes, this.#timeZone);
  }

  /**
   * Delivers one change; a precondition is decided where it is applied.
   * @returns its outcome, or `accepted` when it is not waited for, or not applied within the time.
   * @throws Problem overloaded | redis_unavailable | what `parse` throws
   */
  async one(
    given: unknown,
    { wait, timeoutMs }: IngestOptions,
    precondition?: Precondition,
  ): Promise<Outcome | 'accepted'> {
    const { change, checkedAt } = await this.checked(given);
    const conditional = precondition ? { ...change, precondition } : change;
    const { outcomes } = await this.#delivery.deliver({
      partition: partitionOf(change.id, this.#partitions),
      changes: [JSON.stringify(conditional)],
      checkedAt,
      wantsOutcomes: wait === 'applied',
      patienceMs: 0,
    });
    this.#metrics.changesAccepted.inc();
    if (wait === 'accepted') return 'accepted';
    const settled = await within(outcomes, timeoutMs);
    return settled ? (settled[0] ?? 'dead') : 'accepted';
  }

  /**
   * Reads a change, and names the catalog version that it was checked by. One round trip more only
   * if something is refused, or unknown. @throws Problem
   */
  async checked(given: unknown): Promise<{ readonly change: Change; readonly checkedAt: number }> {
    const { version } = this.#catalog;
    try {
      const change = this.parse(given);
      if (!this.#meetsUnknown(change)) return { change, checkedAt: version };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
    await this.#refresh();
    return { change: this.parse(given), checkedAt: this.#catalog.version };
  }

  #meetsUnknown({ object_type: objectType, data = {} }: Change): boolean {
    const type = this.#catalog.objectTypes.get(objectType)!;
    const isKey = (name: string) =>
      [...type.relationships.values()].some(({ key }) => key === name);
    return Object.keys(data).some((name) => !type.attributes.has(name) && !isKey(name));
  }

  /** Begins to take in many changes. */
  session(given: SessionOptions): IngestSession {
    const options = { listedMax: DEFAULT_LIMITS.rejectedLines, ...given };
    return new IngestSession(
      this.#catalog,
      this.#refresh,
      this.#delivery,
      this.#partitions,
      this.#timeZone,
      this.#metrics,
      options,
    );
  }
}

interface GatheredChange {
  lines: number[];
  texts: string[];
  bytes: number;
  /** The catalog version at which they were checked. */
  checkedAt: number;
}

/** One run of many changes. Caller: awaits each `add` before the next, and ends with `finish`. */
export class IngestSession {
  readonly #catalog: Catalog;
  readonly #refresh: Refresh;
  /**
   * When the catalog was last brought to what is stored: before the first change, and when changes
   * are refused.
   */
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  readonly #delivery: ChangeDelivery;
  readonly #timeZone: string;
  readonly #metrics: Metrics;
  readonly #options: Required<SessionOptions>;
  readonly #gathered: GatheredChange[];
  /** Per partition: what is refused after a failed delivery can be sent again in its order. */
  readonly #chains: readonly DeliveryChain[];
  readonly #underWay = new Set<Promise<void>>();
  /** Per partition the last entry that holds some of the changes. */
  readonly #entries = new Map<number, string>();
  /**
   * Deliveries whose outcomes are still to come: what is applied is forgotten, however long the
   * session goes on.
   */
  readonly #unsettled = new Set<Promise<void>>();
  #isFinished = false;
  readonly #rejected: Rejection[] = [];
  #rejections = 0;
  #accepted = 0;

  constructor(
    catalog: Catalog,
    refresh: Refresh,
    delivery: ChangeDelivery,
    partitions: number,
    timeZone: string,
    metrics: Metrics,
    options: Required<SessionOptions>,
  ) {
    this.#catalog = catalog;
    this.#refresh = refresh;
    this.#delivery = delivery;
    this.#timeZone = timeZone;
    this.#metrics = metrics;
    this.#options = options;
    this.#gathered = Array.from({ length: partitions }, () => ({
      lines: [],
      texts: [],
      bytes: 0,
      checkedAt: 0,
    }));
    this.#chains = Array.from({ length: partitions }, () => ({}));
  }

  /** Takes one change as text. Resolves when there is room for the next one. */
  add(line: number, text: string): Promise<void> | undefined {
    let given: unknown;
    try {
      given = readExactJson(text);
    } catch (error) {
      const malformed = () =>
        new Problem('line_malformed', `not JSON: ${(error as Error).message}`);
      this.reject(line, error instanceof Problem ? error : malformed());
      return undefined;
    }
    return this.addParsed(line, given, text);
  }

  /** Takes one change; `text` is its JSON, if there is one already. */
  addParsed(line: number, given: unknown, text?: string): Promise<void> | undefined {
    if (this.#refreshedAtMs === Number.NEGATIVE_INFINITY)
      return this.#addRefreshed(line, given, text);
    let change: Change;
    try {
      change = parseChange(given, this.#catalog.objectTypes, this.#timeZone);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (Date.now() - this.#refreshedAtMs > ASKED_AGAIN_MS)
        return this.#addRefreshed(line, given, text);
      this.reject(line, error);
      return undefined;
    }
    // What needed no rewriting travels as it came: it is parsed once here and once where it is
    // applied, and never printed.
    return this.#gather(
      line,
      change.id,
      change === given && text !== undefined ? text : JSON.stringify(change),
    );
  }

  /** If Redis does not answer, the delivery reports it. */
  async #addRefreshed(line: number, given: unknown, text: string | undefined): Promise<void> {
    await this.#refresh().catch(() => {});
    this.#refreshedAtMs = Date.now();
    await this.addParsed(line, given, text);
  }

  reject(line: number, problem: Problem): void {
    this.#rejections++;
    this.#metrics.changesRejected.inc({ code: problem.code });
    if (this.#rejected.length >= this.#options.listedMax) return;
    const path = problem.errors[0]?.path;
    const told = { line, code: problem.code, detail: shortened(problem.message) };
    this.#rejected.push(path === undefined ? told : { ...told, path: shortened(path) });
  }

  /** Delivers what is left, and waits as the options say. */
  async finish(): Promise<IngestReport> {
    for (let partition = 0; partition < this.#gathered.length; partition++) this.#send(partition);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    const position = positionOf(this.#entries);
    const isApplied = this.#options.wait === 'applied' && (await this.#applied());
    this.#isFinished = true;
    this.#rejected.sort((a, b) => a.line - b.line);
    return {
      accepted: this.#accepted,
      rejected: this.#rejected,
      rejectedTotal: this.#rejections,
      position,
      isApplied,
    };
  }

  #gather(line: number, id: string, text: string): Promise<void> | undefined {
    const partition = partitionOf(id, this.#gathered.length);
    const { version } = this.#catalog;
    if (this.#gathered[partition]!.checkedAt !== version) this.#send(partition);
    const gathered = this.#gathered[partition]!;
    gathered.checkedAt = version;
    gathered.lines.push(line);
    gathered.texts.push(text);
    gathered.bytes += text.length;
    if (gathered.texts.length < GATHERED_CHANGES && gathered.bytes < GATHERED_BYTES)
      return undefined;
    this.#send(partition);
    return this.#underWay.size < UNDER_WAY_MAX ? undefined : Promise.race(this.#underWay);
  }

  #send(partition: number): void {
    const { lines, texts, checkedAt } = this.#gathered[partition]!;
    if (texts.length === 0) return;
    this.#gathered[partition] = { lines: [], texts: [], bytes: 0, checkedAt: 0 };
    const sent = this.#deliver(partition, lines, texts, checkedAt).finally(() =>
      this.#underWay.delete(sent),
    );
    this.#underWay.add(sent);
  }

  async #deliver(
    partition: number,
    lines: readonly number[],
    texts: readonly string[],
    checkedAt: number,
  ): Promise<void> {
    const wantsOutcomes = this.#options.wait === 'applied';
    try {
      const delivered = await this.#delivery.deliver({
        partition,
        changes: texts,
        checkedAt,
        wantsOutcomes,
        patienceMs: PATIENCE_MS,
        chain: this.#chains[partition]!,
      });
      this.#accepted += lines.length;
      this.#metrics.changesAccepted.inc(lines.length);
      this.#note(partition, lines, delivered);
    } catch (error) {
      const problem =
        error instanceof Problem
          ? error
          : new Problem('internal', 'the change could not be delivered');
      for (const line of lines) this.reject(line, problem);
    }
  }

  #note(partition: number, lines: readonly number[], { entry, outcomes }: Delivered): void {
    if (entry) this.#entries.set(partition, entry);
    if (this.#options.wait === 'accepted') return;
    const settled = outcomes
      .then((all) => this.#settle(lines, all))
      .finally(() => this.#unsettled.delete(settled));
    this.#unsettled.add(settled);
  }

  /** A change of a record that does not exist was accepted, and is rejected after all. */
  #settle(lines: readonly number[], outcomes: readonly Outcome[]): void {
    if (this.#isFinished) return;
    lines.forEach((line, at) => {
      const problem = refusal(outcomes[at] ?? 'dead');
      if (!problem) return;
      this.#accepted--;
      this.reject(line, problem);
    });
  }

  /** Waits for the outcomes, as long as the options say. */
  async #applied(): Promise<boolean> {
    return (await within(Promise.all(this.#unsettled), this.#options.timeoutMs)) !== undefined;
  }
}

/**
 * A detail may quote what was sent, up to a whole line: of thousands of rejections only so much is
 * held.
 */
function shortened(text: string): string {
  return text.length > REJECTION_LENGTH_MAX ? `${text.slice(0, REJECTION_LENGTH_MAX)}…` : text;
}

/**
 * Why an outcome is no success; a deletion of what is not there is one, and so is an older change
 * that is ignored.
 */
function refusal(outcome: Outcome): Problem | undefined {
  if (outcome === 'unknown') return new Problem('record_unknown', 'there is no such record');
  if (outcome === 'precondition_failed')
    return new Problem('precondition_failed', 'the record is another by now');
  if (outcome === 'dead')
    return new Problem(
      'change_dead',
      'the change could not be applied and was put with the dead letters',
    );
  return undefined;
}

function positionOf(entries: ReadonlyMap<number, string>): string {
  return Buffer.from(JSON.stringify([...entries].sort(([a], [b]) => a - b))).toString('base64url');
}

/** @returns undefined if the time is over first. */
export async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, timeoutMs));
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
