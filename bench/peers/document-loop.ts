/**
 * document-loop.ts – A loop peer where segments reach neighbours: it evaluates everybody whose
 * document a change has changed.
 */
import type { Change } from '../../src/change/change.ts';
import type { Flip } from '../../src/query/network/network.ts';
import type { Attributes } from '../../src/query/predicate/view.ts';
import type { Documents } from '../documents.ts';
import { LoopPeer, type StartingTruth, type Test } from './loop.ts';

export class DocumentPeer {
  readonly #documents: Documents;
  readonly #peer: LoopPeer;

  constructor(tests: readonly Test[], documents: Documents, held: StartingTruth['held']) {
    this.#documents = documents;
    this.#peer = new LoopPeer(tests, { data: (id) => documents.document(id), held });
  }

  /** @returns the memberships that flip, by person. */
  apply(change: Change): [id: string, flips: Flip[]][] {
    return [...this.#documents.apply(change)].map((id) => [
      id,
      this.#peer.replace(id, this.#documents.document(id)),
    ]);
  }

  data(objectType: string, id: string): Attributes {
    return this.#documents.data(objectType, id);
  }

  held(id: string): number[] {
    return this.#peer.held(id);
  }
}
