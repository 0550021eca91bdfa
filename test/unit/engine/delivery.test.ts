import { describe, expect, it } from 'vitest';
import type {
  AppendAnswer,
  ChangeLogs,
  LogAppend,
  OutcomeListener,
} from '../../../src/engine/change-logs.ts';
import { ChangeDelivery, type DeliveryRequest } from '../../../src/engine/delivery.ts';

/** Answers what it was told to, one after the other; after that it appends. */
class ScriptedLogs implements ChangeLogs {
  readonly partitions = 2;
  readonly appends: LogAppend[] = [];
  listener: OutcomeListener | undefined;
  readonly #answers: (AppendAnswer | Error)[];

  constructor(...answers: (AppendAnswer | Error)[]) {
    this.#answers = answers;
  }

  async append(_partition: number, append: LogAppend): Promise<AppendAnswer> {
    this.appends.push(append);
    const answer = this.#answers.shift();
    if (answer instanceof Error) throw answer;
    return answer ?? { status: 'appended', entry: `${this.appends.length}-0` };
  }

  async listen(listener: OutcomeListener): Promise<void> {
    this.listener = listener;
  }

  async forget(): Promise<void> {}
  async forgetQuiet(): Promise<void> {}

  get numbers(): [epoch: number, sequence: number][] {
    return this.appends.map(({ epoch, sequence }) => [epoch, sequence]);
  }
}

const unanswered = () => new Error('Command timed out');
const request = (given: Partial<DeliveryRequest> = {}): DeliveryRequest => ({
  partition: 0,
  changes: ['{"id":"a"}'],
  checkedAt: 3,
  wantsOutcomes: false,
  patienceMs: 0,
  ...given,
});

describe('a delivery', () => {
  it('is numbered on, entry by entry', async () => {
    const logs = new ScriptedLogs();
    const delivery = new ChangeDelivery(logs);
    expect((await delivery.deliver(request())).entry).toBe('1-0');
    expect((await delivery.deliver(request())).entry).toBe('2-0');
    expect(logs.numbers).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });

  it('whose answer got lost is sent again under the same number', async () => {
    const logs = new ScriptedLogs(unanswered(), { status: 'duplicate', entry: '7-0' });
    const delivery = new ChangeDelivery(logs);
    expect((await delivery.deliver(request())).entry).toBe('7-0');
    await delivery.deliver(request());
    expect(logs.numbers).toEqual([
      [1, 1],
      [1, 1],
      [1, 2],
    ]);
  });

  it('begins an epoch when the log has lost entries, or knows a newer epoch', async () => {
    const logs = new ScriptedLogs({ status: 'gap', last: 0 }, { status: 'old', epoch: 8 });
    await new ChangeDelivery(logs).deliver(request());
    expect(logs.numbers).toEqual([
      [1, 1],
      [2, 1],
      [9, 1],
    ]);
  });

  it('to a full log is refused at once, or waits as long as it has patience', async () => {
    const full = { status: 'full', entries: 5 } as const;
    const logs = new ScriptedLogs(full, full);
    const delivery = new ChangeDelivery(logs);
    await expect(delivery.deliver(request())).rejects.toMatchObject({ code: 'overloaded' });
    await delivery.deliver(request({ patienceMs: 10_000 }));
    expect(logs.numbers).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  it('that is given up on closes its epoch', async () => {
    const lost = Array.from({ length: 200 }, unanswered);
    const logs = new ScriptedLogs(...lost);
    const delivery = new ChangeDelivery(logs);
    await expect(delivery.deliver(request())).rejects.toMatchObject({ code: 'redis_unavailable' });
    const before = logs.appends.length;
    expect(new Set(logs.numbers.map(String))).toEqual(new Set(['1,1']));
    void delivery.deliver(request()).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(logs.numbers[before]).toEqual([2, 1]);
  });

  it('travels with others that were checked at the same version, in their order', async () => {
    const logs = new ScriptedLogs();
    const delivery = new ChangeDelivery(logs);
    await Promise.all([
      delivery.deliver(request({ changes: ['1', '2'] })),
      delivery.deliver(request({ changes: ['3'] })),
      delivery.deliver(request({ changes: ['4'], checkedAt: 4 })),
    ]);
    expect(logs.appends.map(({ entry }) => [entry.checkedAt, entry.payload])).toEqual([
      [3, '[1,2,3]'],
      [4, '[4]'],
    ]);
  });

  it('hears its own outcomes, also if they come in parts and out of order', async () => {
    const logs = new ScriptedLogs();
    const delivery = new ChangeDelivery(logs);
    await delivery.listen();
    const wanted = { wantsOutcomes: true };
    const [one, two] = await Promise.all([
      delivery.deliver(request({ ...wanted, changes: ['1', '2'] })),
      delivery.deliver(request({ ...wanted, changes: ['3'] })),
    ]);
    const { replyTo } = logs.appends[0]!.entry;
    expect(logs.listener!.isWaitedFor('other.1')).toBe(false);
    expect(logs.listener!.isWaitedFor(replyTo!)).toBe(true);
    const tell = logs.listener!.onOutcomes;
    tell(replyTo!, { from: 1, total: 3, outcomes: ['updated', 'deleted'] });
    tell(replyTo!, { from: 0, total: 3, outcomes: ['created'] });
    expect(await one.outcomes).toEqual(['created', 'updated']);
    expect(await two.outcomes).toEqual(['deleted']);
    expect(logs.listener!.isWaitedFor(replyTo!)).toBe(false);
  });
});
