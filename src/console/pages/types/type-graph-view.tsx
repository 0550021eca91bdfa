/**
 * type-graph-view.tsx – The small graph of a type as a picture, and as a list that is read out.
 */
import { Link } from 'wouter';
import { lookOf } from '../../parts/type-look.ts';
import type { GraphShown } from './type-graph.ts';

const TIP = 7;

export function TypeGraph({
  graph: { width, height, box, boxes, edges },
}: {
  readonly graph: GraphShown;
}) {
  const self = boxes.find(({ isSelf }) => isSelf)?.type;
  const others = boxes.filter(
    ({ type }, at) => type !== self && boxes.findIndex((each) => each.type === type) === at,
  );
  return (
    <div className="graph">
      <ul className="unseen">
        {edges.map(({ name, words }) => (
          <li key={name}>{words}</li>
        ))}
      </ul>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
        {edges.map(({ name, words, fromX, fromY, toX, toY }) => {
          const bend = (toX - fromX) / 3;
          const bends = `${fromX + bend} ${fromY} ${toX - bend} ${toY}`;
          const path = `M${fromX} ${fromY}C${bends} ${toX - 1} ${toY}`;
          return (
            <g key={name}>
              <title>{words}</title>
              <path className="graph-way" d={path} />
              <path className="graph-tip" d={`M${toX} ${toY}l${-TIP} ${-TIP / 2}v${TIP}z`} />
            </g>
          );
        })}
        {edges.map(({ name, label, words, fromX, fromY, toX, toY }) => (
          <text
            key={name}
            className="graph-label"
            x={(fromX + toX) / 2}
            y={(fromY + toY) / 2 - 5}
            textAnchor="middle"
          >
            <title>{words}</title>
            {label}
          </text>
        ))}
        {boxes.map(({ type, label, x, y, isSelf }) => {
          const drawn = (
            <>
              <rect
                x={x}
                y={y}
                width={box.width}
                height={box.height}
                rx="9"
                className={isSelf ? 'graph-box is-self' : 'graph-box'}
              />
              <text x={x + box.width / 2} y={y + box.height / 2 + 4.5} textAnchor="middle">
                {label}
              </text>
            </>
          );
          return (
            <g key={`${type} ${x} ${y}`} className={lookOf(type).hue}>
              {drawn}
            </g>
          );
        })}
      </svg>
      <p className="graph-links">
        {others.map(({ type, label }) => (
          <Link key={type} href={`/types/${type}`}>
            {label}
          </Link>
        ))}
      </p>
    </div>
  );
}
