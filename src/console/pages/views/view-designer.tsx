/**
 * view-designer.tsx – Designs a view: what can be shown on the left, what is shown on the right.
 */
import { useQuery } from '@tanstack/react-query';
import { Panel } from '../../parts/panel.tsx';
import { ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { typesQuery } from '../../server/queries.ts';
import { ServerRefusal } from '../../server/refusal.ts';
import { ColumnList } from './column-list.tsx';
import { PathTree, usedKey } from './path-tree.tsx';
import { type ViewDraft, withColumn } from './view-draft.ts';
import { ViewSettings } from './view-settings.tsx';

interface ViewDesignerProps {
  readonly draft: ViewDraft;
  readonly isNew: boolean;
  readonly mayEdit: boolean;
  /** Why it was not saved. */
  readonly error: unknown;
  readonly onChange: (draft: ViewDraft) => void;
}

export function ViewDesigner({ draft, isNew, mayEdit, error, onChange }: ViewDesignerProps) {
  const { data: listed, error: unread, refetch } = useQuery(typesQuery);
  const types = new Map(listed?.map((type) => [type.name, type]));
  const type = types.get(draft.object_type);
  const { columns, members } = faultsOf(error);
  if (!type && unread) return <ErrorView error={unread} onRetry={() => void refetch()} />;
  if (!type)
    return (
      <div className="card">
        <SkeletonRows />
      </div>
    );
  return (
    <div className={mayEdit ? 'designer' : 'designer is-read'}>
      {mayEdit ? (
        <Panel title="What can be shown" className="designer-tree">
          <PathTree
            type={type}
            types={types}
            used={new Set(draft.columns.map(usedKey))}
            onAdd={(column) => onChange(withColumn(draft, column))}
          />
        </Panel>
      ) : null}
      <Panel title="Columns" beside={<span className="quiet">{draft.columns.length}</span>}>
        {members.has('columns') ? (
          <p className="panel-body fault">{members.get('columns')}</p>
        ) : null}
        <ColumnList draft={draft} mayEdit={mayEdit} faults={columns} onChange={onChange} />
      </Panel>
      <Panel title="View">
        <ViewSettings
          draft={draft}
          type={type}
          types={types}
          isNew={isNew}
          mayEdit={mayEdit}
          faults={members}
          onChange={onChange}
        />
      </Panel>
    </div>
  );
}

interface ViewFaults {
  /** By the place of a column. */
  readonly columns: ReadonlyMap<number, string>;
  /** By the member of a view. */
  readonly members: ReadonlyMap<string, string>;
}

/** Where the pointers of a refusal lead: `/columns/2/label` is of the third column. */
function faultsOf(error: unknown): ViewFaults {
  const columns = new Map<number, string>();
  const members = new Map<string, string>();
  for (const { path, detail } of error instanceof ServerRefusal ? error.faults : []) {
    const [, member = '', place] = path.split('/');
    if (member === 'columns' && place !== undefined) columns.set(Number(place), detail);
    else members.set(member, detail);
  }
  return { columns, members };
}
