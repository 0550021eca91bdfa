/**
 * type-graph.test.ts – Where the small graph of a type leads, and that nothing in it lies over
 * something else.
 */
import { describe, expect, it } from 'vitest';
import { graphOf } from '../../../src/console/pages/types/type-graph.ts';
import type { WholeTypeShown } from '../../../src/console/server/operations-answers.ts';

const TYPE: WholeTypeShown = {
  name: 'contacts',
  attributes: {},
  relationships: {
    firm: { to: 'firms', key: 'firm_id', inverse: 'people' },
    teams: { to: 'teams', key: 'team_ids', cardinality: 'many', inverse: 'members' },
    boss: { to: 'contacts', key: 'boss_id', inverse: 'reports' },
  },
  inverse_relationships: {
    reports: { type: 'contacts', relationship: 'boss' },
    orders: { type: 'orders', relationship: 'contact' },
  },
};

describe('the graph of a type', () => {
  const graph = graphOf(TYPE, (name) => name.toUpperCase());

  it('has an edge of each relationship, and a box at each end', () => {
    expect(graph.edges.map(({ label }) => label)).toEqual([
      'reports (many)',
      'orders (many)',
      'firm (one)',
      'teams (many)',
      'boss (one)',
    ]);
    expect(graph.boxes.map(({ label, isSelf }) => `${label} ${isSelf}`)).toEqual([
      'CONTACTS true',
      'CONTACTS false',
      'ORDERS false',
      'FIRMS false',
      'TEAMS false',
      'CONTACTS false',
    ]);
    expect(graph.edges[3]!.words).toBe('CONTACTS leads to many of TEAMS as teams, by team_ids');
  });

  it('has all of it inside, and no box over another', () => {
    const { width, height, box, boxes } = graph;
    for (const { x, y } of boxes) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + box.width).toBeLessThanOrEqual(width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y + box.height).toBeLessThanOrEqual(height);
    }
    const overlaps = boxes.flatMap((a, at) =>
      boxes
        .slice(at + 1)
        .filter((b) => Math.abs(a.x - b.x) < box.width && Math.abs(a.y - b.y) < box.height),
    );
    expect(overlaps).toEqual([]);
  });

  it('of a type that stands alone is one box', () => {
    const alone = { ...TYPE, relationships: {}, inverse_relationships: {} };
    const { boxes, edges } = graphOf(alone, (name) => name);
    expect([boxes.length, edges.length]).toEqual([1, 0]);
  });
});
