/**
 * look.ts – What a look at a partition answers while nothing waits in it.
 */
import type { Look } from '../../src/membership/partition-status.ts';

export const AT_REST: Look = {
  number: 1,
  nonce: 'n',
  position: '5-0',
  end: '5-0',
  inboxPosition: '0-0',
  inboxEnd: '0-0',
  clockMs: 0,
  serverMs: 1000,
  dueMs: undefined,
  catalogVersion: 1,
  telling: undefined,
  sent: [],
  delivered: [],
  fanning: undefined,
  loss: undefined,
  failures: '',
  failed: undefined,
  changed: undefined,
  counts: [],
};
