/**
 * type-graph.ts – Where everything of the small graph of a type lies: who leads here on the left,
 * the type in the middle, where it leads on the right.
 *
 * Keeps true: each relationship is an edge of its own, from the type that has the key to its
 * target. Lengths are in units of the picture.
 */
import type { WholeTypeShown } from '../../server/operations-answers.ts';

const BOX = { width: 170, height: 38, gap: 18 } as const;
const WAY = 215;
const EDGE = 12;
/** Of the label of a box, and of an edge. */
const LABEL_MAX = 20;
const WAY_MAX = 26;

interface GraphBox {
  readonly type: string;
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly isSelf: boolean;
}

interface GraphEdge {
  readonly name: string;
  /** "organization, one" */
  readonly label: string;
  /** The whole of it, as a sentence. */
  readonly words: string;
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

export interface GraphShown {
  readonly width: number;
  readonly height: number;
  readonly box: { readonly width: number; readonly height: number };
  readonly boxes: readonly GraphBox[];
  readonly edges: readonly GraphEdge[];
}

export function graphOf(type: WholeTypeShown, titleOf: (type: string) => string): GraphShown {
  const out = Object.entries(type.relationships);
  const back = Object.entries(type.inverse_relationships);
  const rows = Math.max(1, out.length, back.length);
  const height = rows * (BOX.height + BOX.gap) - BOX.gap + 2 * EDGE;
  const middleX = back.length === 0 ? EDGE : EDGE + BOX.width + WAY;
  const rightX = middleX + BOX.width + WAY;
  const width = (out.length === 0 ? middleX : rightX) + BOX.width + EDGE;
  const yOf = (at: number, many: number) => {
    const column = many * (BOX.height + BOX.gap) - BOX.gap;
    return (height - column) / 2 + at * (BOX.height + BOX.gap);
  };
  const middleY = yOf(0, 1);
  const center = BOX.height / 2;
  const self = titleOf(type.name);
  const boxAt = (name: string, x: number, y: number, isSelf = false): GraphBox => ({
    ...{ type: name, label: shortened(titleOf(name), LABEL_MAX), x, y, isSelf },
  });
  const boxes = [
    boxAt(type.name, middleX, middleY, true),
    ...back.map(([, { type: from }], at) => boxAt(from, EDGE, yOf(at, back.length))),
    ...out.map(([, { to }], at) => boxAt(to, rightX, yOf(at, out.length))),
  ];
  const edges = [
    ...back.map(
      ([name, { type: from, relationship }], at): GraphEdge => ({
        name: `${from} ${relationship}`,
        label: shortened(`${name} (many)`, WAY_MAX),
        words: `${self} has many ${name}: those of ${titleOf(from)} whose ${relationship} it is`,
        ...{ fromX: EDGE + BOX.width, fromY: yOf(at, back.length) + center },
        ...{ toX: middleX, toY: middleY + center },
      }),
    ),
    ...out.map(
      ([name, { to, key, cardinality = 'one' }], at): GraphEdge => ({
        name,
        label: shortened(`${name} (${cardinality})`, WAY_MAX),
        words: `${self} leads to ${cardinality} of ${titleOf(to)} as ${name}, by ${key}`,
        ...{ fromX: middleX + BOX.width, fromY: middleY + center },
        ...{ toX: rightX, toY: yOf(at, out.length) + center },
      }),
    ),
  ];
  return { width, height, box: BOX, boxes, edges };
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
