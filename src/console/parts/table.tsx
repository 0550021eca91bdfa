/**
 * table.tsx – A table of any length: only the rows that are seen are drawn.
 *
 * Keeps true: the page scrolls, not the table. J and K move from row to row, and the focus goes
 * along, to the first link of a row: so Enter opens it and a screen reader reads it. The row that
 * has the focus stays drawn.
 */
import { defaultRangeExtractor, useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useShortcuts } from './shortcuts.ts';

export interface TableColumn<Row> {
  readonly name: string;
  /** What its head says; an empty one is read out as `label`. */
  readonly title: string;
  readonly label?: string;
  readonly isRight?: boolean;
  readonly cell: (row: Row) => ReactNode;
}

interface TableProps<Row> {
  readonly label: string;
  /** Sets `--columns`, and hides columns where there is little room. */
  readonly className: string;
  readonly rows: readonly Row[];
  readonly columns: readonly TableColumn<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly rowHeight?: number;
  /** The rows that are drawn now: what is asked for beside them is asked for these. */
  readonly onSeen?: (rows: readonly Row[]) => void;
  /** The row that J and K have reached. */
  readonly onCurrent?: (row: Row | undefined) => void;
}

const ROW_HEIGHT = 58;
const OVERSCAN = 6;

export function Table<Row>(props: TableProps<Row>) {
  const {
    label,
    className,
    rows,
    columns,
    keyOf,
    rowHeight = ROW_HEIGHT,
    onSeen,
    onCurrent,
  } = props;
  const body = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<string>();
  const [margin, setMargin] = useState(0);
  const currentAt = rows.findIndex((row) => keyOf(row) === current);

  useLayoutEffect(() => {
    const measure = () => setMargin((body.current?.getBoundingClientRect().top ?? 0) + scrollY);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);

  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollMargin: margin,
    getItemKey: (at) => keyOf(rows[at]!),
    rangeExtractor: (range) => {
      const seen = defaultRangeExtractor(range);
      return currentAt < 0 || seen.includes(currentAt)
        ? seen
        : [...seen, currentAt].sort((a, b) => a - b);
    },
  });
  const items = virtual.getVirtualItems();
  const drawn = items.map(({ index }) => rows[index]!);

  const drawnKeys = drawn.map(keyOf).join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when other rows are drawn
  useEffect(() => onSeen?.(drawn), [drawnKeys]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when another row is reached
  useEffect(() => onCurrent?.(rows[currentAt]), [current, currentAt]);

  const move = (by: number) => {
    if (rows.length === 0) return;
    const to = currentAt < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, currentAt + by));
    setCurrent(keyOf(rows[to]!));
    virtual.scrollToIndex(to, { align: 'auto' });
    // It may be drawn only after the scrolling.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const row = body.current?.querySelector(`[data-at="${to}"]`);
        row?.querySelector<HTMLElement>('a, button')?.focus({ preventScroll: true });
      }),
    );
  };
  useShortcuts({ j: () => move(1), k: () => move(-1) });

  return (
    <div
      className={`card table ${className}`}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
    >
      <div role="rowgroup">
        <div className="table-head" role="row" aria-rowindex={1}>
          {columns.map(({ name, title, label: spoken, isRight }) => (
            <div key={name} role="columnheader" className={cellClass(name, isRight)}>
              {title === '' ? <span className="unseen">{spoken}</span> : title}
            </div>
          ))}
        </div>
      </div>
      <div
        className="table-body"
        role="rowgroup"
        ref={body}
        style={{ height: virtual.getTotalSize() }}
      >
        {items.map(({ key, index, start }) => {
          const row = rows[index]!;
          return (
            <div
              key={key}
              className="table-row"
              role="row"
              aria-rowindex={index + 2}
              data-at={index}
              data-current={keyOf(row) === current || undefined}
              style={{ transform: `translateY(${start - margin}px)` }}
              onFocus={() => setCurrent(keyOf(row))}
            >
              {columns.map(({ name, isRight, cell }) => (
                <div key={name} role="cell" className={cellClass(name, isRight)}>
                  {cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function cellClass(name: string, isRight = false): string {
  return `cell-${name}${isRight ? ' is-right' : ''}`;
}
