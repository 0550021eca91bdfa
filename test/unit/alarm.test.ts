/**
 * alarm.test.ts – No ring is lost, whenever it comes.
 */
import { expect, it } from 'vitest';
import { Alarm } from '../../src/alarm.ts';

const NEVER_MS = 2 ** 30;

it('ends the sleep that is under way', async () => {
  const alarm = new Alarm();
  const slept = alarm.sleep(NEVER_MS).then(() => 'awake');
  alarm.ring();
  expect(await slept).toBe('awake');
});

it('ends the next sleep if it rings before that, and no other one', async () => {
  const alarm = new Alarm();
  alarm.ring();
  alarm.ring();
  await alarm.sleep(NEVER_MS);
  let isAwake = false;
  const slept = alarm.sleep(NEVER_MS).then(() => {
    isAwake = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isAwake).toBe(false);
  alarm.ring();
  await slept;
});
