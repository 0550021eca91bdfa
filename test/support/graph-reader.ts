/**
 * graph-reader.ts – Records in memory as an explanation reads them: each with its neighbours.
 */
import { edgesOf, targetsOf } from '../../src/change/edge.ts';
import type { NeighbourReader } from '../../src/explain/nearby-records.ts';
import type { Standpoint } from '../../src/membership/neighbourhood.ts';
import type { Graph, GraphRecord } from '../../src/query/json-logic/reference-document.ts';

/** The records of a graph, as the engine would read them. */
export class GraphReader implements NeighbourReader {
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  standpoint(typeName: string, { id, data }: GraphRecord): Standpoint {
    const names = [...this.#graph.types.get(typeName)!.attributes.keys()];
    const seen = names.filter((name) => data[name] !== undefined && data[name] !== null);
    const record = { data, version: 1, createdAt: 0, updatedAt: 0, fits: 0 };
    return {
      id,
      record,
      data: Object.fromEntries(seen.map((each) => [each, data[each]])),
      size: 0,
    };
  }

  async *neighbours(from: readonly Standpoint[], { edge: name, direction, target }: HopLike) {
    const edge = edgesOf(this.#graph.types.values()).get(name)!;
    for (const [of, { id, record }] of from.entries()) {
      const there = [...this.#graph.records(target)].filter((each) =>
        direction === 'out'
          ? targetsOf(edge, record.data).includes(each.id)
          : targetsOf(edge, each.data).includes(id),
      );
      yield there.map((each) => ({ of, there: this.standpoint(target, each) }));
    }
  }
}

type HopLike = Parameters<NeighbourReader['neighbours']>[1];
