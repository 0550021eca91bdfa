/**
 * path-tree.tsx – What a column can be, as a tree: to press a name adds it.
 */
import { ChevronDown, ChevronRight, Plus } from 'lucide-react';
import { useState } from 'react';
import { TypeTag } from '../../parts/type-tag.tsx';
import type { TypeShown } from '../../server/answers.ts';
import type { NewColumn } from './view-draft.ts';
import {
  measuresOf,
  type PathBefore,
  type PathWay,
  type ShownTypesByName,
  valuesOf,
  waysFrom,
} from './view-paths.ts';

interface PathTreeContext {
  readonly types: ShownTypesByName;
  /** What is shown: path and aggregate. */
  readonly used: ReadonlySet<string>;
  readonly onAdd: (column: NewColumn) => void;
}

interface PathTreeProps extends PathTreeContext {
  readonly type: TypeShown;
}

const NOWHERE: PathBefore = { names: [], titles: [] };

export function PathTree({ type, ...context }: PathTreeProps) {
  return (
    <div className="path-tree">
      <Values type={type} before={NOWHERE} {...context} />
    </div>
  );
}

interface BranchProps extends PathTreeContext {
  readonly type: TypeShown;
  readonly before: PathBefore;
}

/** The attributes of a type, and the ways from it. */
function Values({ type, before, ...context }: BranchProps) {
  return (
    <ul>
      {valuesOf(type, before).map((column) => (
        <Leaf key={column.path} column={column} before={before} {...context} />
      ))}
      {waysFrom(type, context.types).map((way) => (
        <Way key={way.name} way={way} before={before} {...context} />
      ))}
    </ul>
  );
}

interface WayProps extends PathTreeContext {
  readonly way: PathWay;
  readonly before: PathBefore;
}

/** Opened one at a time: ways lead round in circles. */
function Way({ way, before, ...context }: WayProps) {
  const [isOpen, setIsOpen] = useState(false);
  const target = context.types.get(way.type);
  const Icon = isOpen ? ChevronDown : ChevronRight;
  const inside: PathBefore = {
    names: [...before.names, way.name],
    titles: [...before.titles, way.title],
  };
  return (
    <li>
      <button
        type="button"
        className="tree-way"
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        <Icon className="icon" aria-hidden="true" />
        <span>{way.title}</span>
        {way.isMany ? <span className="quiet">many</span> : null}
        <span className="grow" />
        <TypeTag type={way.type} />
      </button>
      {!isOpen || !target ? null : way.isMany ? (
        <ul>
          {measuresOf(way, target, before).map((column) => (
            <Leaf
              key={`${column.aggregate} ${column.path}`}
              column={column}
              before={before}
              {...context}
            />
          ))}
        </ul>
      ) : (
        <Values type={target} before={inside} {...context} />
      )}
    </li>
  );
}

interface LeafProps extends PathTreeContext {
  readonly column: NewColumn;
  readonly before: PathBefore;
}

function Leaf({ column, before, used, onAdd }: LeafProps) {
  const { label } = column;
  const isUsed = used.has(usedKey(column));
  // The way to it is above, in the tree.
  const way = before.titles.length === 0 ? '' : `${before.titles.join(' ')}: `;
  return (
    <li>
      <button type="button" className="tree-leaf" onClick={() => onAdd(column)}>
        <Plus className="icon" aria-hidden="true" />
        <span>
          <span className="unseen">Add {way}</span>
          {label.slice(way.length)}
        </span>
        <span className="grow" />
        {isUsed ? <span className="quiet">shown</span> : null}
      </button>
    </li>
  );
}

export function usedKey({ path, aggregate }: Pick<NewColumn, 'path' | 'aggregate'>): string {
  return `${aggregate ?? ''} ${path}`;
}
