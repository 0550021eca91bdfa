/**
 * audit-transaction.ts – Reads of one instant.
 *
 * Keeps true: an answer is given only if every command of the transaction was carried out.
 */
import type { ChainableCommander } from 'ioredis';
import { assert } from '../errors.ts';

export async function carriedOut(transaction: ChainableCommander): Promise<unknown[]> {
  const replies = await transaction.exec();
  assert(replies, 'a MULTI without WATCH is carried out');
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
