/**
 * transaction.ts – The answers of a transaction: commands that are carried out at one instant.
 *
 * Keeps true: answers are given only if every command of the transaction was carried out.
 */
import type { ChainableCommander } from 'ioredis';
import { assert } from '../errors.ts';

/** Carries out a MULTI, and answers what each of its commands answered. @throws what one refused */
export async function carriedOut(transaction: ChainableCommander): Promise<unknown[]> {
  const replies = await transaction.exec();
  assert(replies, 'a MULTI without WATCH is carried out');
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
