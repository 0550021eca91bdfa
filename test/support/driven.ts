/**
 * driven.ts – Carries out what a part of the core asks of the stores, and nothing else.
 */
import { type Asker, type Asking, answerOf, isForDriver } from '../../src/engine/requests.ts';

/** @throws Error if it asks for something of the process */
export async function driven<R>(asking: Asking<R>, asker: Asker): Promise<R> {
  let next = asking.next();
  while (!next.done) {
    const request = next.value;
    if (isForDriver(request)) throw new Error(`${request.kind} is asked for`);
    next = asking.next(await answerOf(request, asker));
  }
  return next.value;
}
