/**
 * view-settings.tsx – Whose rows a view shows, in which order, and what is given along.
 */
import { useQuery } from '@tanstack/react-query';
import { Plus, Trash2 } from 'lucide-react';
import { Button } from '../../parts/button.tsx';
import { FormRow } from '../../parts/form-row.tsx';
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import { segmentsQuery } from '../../server/queries.ts';
import { type SortShown, slugOf, type ViewDraft } from './view-draft.ts';
import { type ShownTypesByName, valuesOf, waysFrom } from './view-paths.ts';

const SORT_MAX = 5;
const RELATIONSHIPS_MAX = 20;

interface ViewSettingsProps {
  readonly draft: ViewDraft;
  readonly type: TypeShown;
  readonly types: ShownTypesByName;
  readonly isNew: boolean;
  readonly mayEdit: boolean;
  /** By its member, what is wrong. */
  readonly faults: ReadonlyMap<string, string>;
  readonly onChange: (draft: ViewDraft) => void;
}

export function ViewSettings(props: ViewSettingsProps) {
  const { draft, type, types, isNew, mayEdit, faults, onChange } = props;
  const change = (changed: Partial<ViewDraft>) => onChange({ ...draft, ...changed });
  const ways = waysFrom(type, types);
  const segments = (useQuery(segmentsQuery).data ?? []).filter(
    ({ object_type }) => object_type === type.name,
  );
  if (!mayEdit) return <SettingsInWords draft={draft} segments={segments} />;
  const toggle = (name: string, isOn: boolean) =>
    change({
      relationships: isOn
        ? [...draft.relationships, name]
        : draft.relationships.filter((each) => each !== name),
    });
  return (
    <div className="panel-body view-settings">
      <FormRow label="Title" fault={faults.get('title')}>
        {(tie) => (
          <input
            {...tie}
            className="field"
            value={draft.title}
            onChange={({ target }) => change({ title: target.value })}
          />
        )}
      </FormRow>
      {isNew ? (
        <FormRow label="Slug" fault={faults.get('slug')}>
          {(tie) => (
            <input
              {...tie}
              className="field code"
              placeholder={slugOf(draft.title)}
              value={draft.slug}
              spellCheck={false}
              onChange={({ target }) => change({ slug: target.value })}
            />
          )}
        </FormRow>
      ) : null}
      <FormRow label="Shows" fault={faults.get('segment') ?? faults.get('query')}>
        {(tie) => (
          <select
            {...tie}
            className="field"
            value={draft.segment}
            onChange={({ target }) => change({ segment: target.value })}
          >
            {draft.query === undefined ? (
              draft.segment === '' ? (
                <option value="">Choose a segment</option>
              ) : null
            ) : (
              <option value="">A filter of its own</option>
            )}
            {segments.map(({ slug, title }) => (
              <option key={slug} value={slug}>
                {title}
              </option>
            ))}
          </select>
        )}
      </FormRow>
      <SortKeys
        sort={draft.sort}
        type={type}
        fault={faults.get('sort')}
        onChange={(sort) => change({ sort })}
      />
      {ways.length === 0 ? null : (
        <fieldset>
          <legend>Given along, in JSON and NDJSON</legend>
          {ways.map(({ name, title }) => {
            const isOn = draft.relationships.includes(name);
            return (
              <label className="check" key={name}>
                <input
                  type="checkbox"
                  checked={isOn}
                  disabled={!isOn && draft.relationships.length >= RELATIONSHIPS_MAX}
                  onChange={({ target }) => toggle(name, target.checked)}
                />
                {title}
              </label>
            );
          })}
          {faults.has('relationships') ? (
            <p className="fault">{faults.get('relationships')}</p>
          ) : null}
        </fieldset>
      )}
    </div>
  );
}

interface SortKeysProps {
  readonly sort: readonly SortShown[];
  readonly type: TypeShown;
  readonly fault: string | undefined;
  readonly onChange: (sort: readonly SortShown[]) => void;
}

function SortKeys({ sort, type, fault, onChange }: SortKeysProps) {
  const values = valuesOf(type, { names: [], titles: [] }).filter(
    ({ path }) => !['list', 'object'].includes(type.attributes[path]?.type ?? ''),
  );
  const free = values.find(({ path }) => !sort.some((key) => key.path === path));
  const changeAt = (at: number, changed: Partial<SortShown>) =>
    onChange(sort.map((key, each) => (each === at ? { ...key, ...changed } : key)));
  return (
    <fieldset>
      <legend>Sorted by</legend>
      {sort.length === 0 ? <p className="note">The order of ids.</p> : null}
      {sort.map(({ path, direction }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the place is the key
        <div className="sort-key" key={at}>
          <select
            className="field"
            aria-label={`Sorted by, ${at + 1}`}
            value={path}
            onChange={({ target }) => changeAt(at, { path: target.value })}
          >
            {values.map((value) => (
              <option key={value.path} value={value.path}>
                {value.label}
              </option>
            ))}
          </select>
          <select
            className="field"
            aria-label={`Direction, ${at + 1}`}
            value={direction}
            onChange={({ target }) =>
              changeAt(at, { direction: target.value as SortShown['direction'] })
            }
          >
            <option value="asc">Lowest first</option>
            <option value="desc">Highest first</option>
          </select>
          <Button
            kind="ghost"
            size="small"
            label={`Do not sort by ${path}`}
            onPress={() => onChange(sort.filter((_, each) => each !== at))}
          >
            <Trash2 className="icon" aria-hidden="true" />
          </Button>
        </div>
      ))}
      {fault ? <p className="fault">{fault}</p> : null}
      {free && sort.length < SORT_MAX ? (
        <div>
          <Button
            size="small"
            onPress={() => onChange([...sort, { path: free.path, direction: 'asc' }])}
          >
            <Plus className="icon" aria-hidden="true" />
            Sort by
          </Button>
        </div>
      ) : null}
    </fieldset>
  );
}

interface SettingsInWordsProps {
  readonly draft: ViewDraft;
  readonly segments: readonly { readonly slug: string; readonly title: string }[];
}

/** For who may only read. */
function SettingsInWords({ draft, segments }: SettingsInWordsProps) {
  const { segment, sort, relationships } = draft;
  const title = segments.find(({ slug }) => slug === segment)?.title ?? segment;
  const keys = sort.map(
    ({ path, direction }) =>
      `${titleText(path)}, ${direction === 'asc' ? 'lowest' : 'highest'} first`,
  );
  return (
    <div className="panel-body view-words">
      <p>Shows {segment === '' ? 'what a filter of its own lets in' : title}.</p>
      <p>{keys.length === 0 ? 'In the order of ids.' : `Sorted by ${keys.join('; ')}.`}</p>
      {relationships.length === 0 ? null : (
        <p>{relationships.map((name) => titleText(name)).join(', ')} given along.</p>
      )}
    </div>
  );
}
