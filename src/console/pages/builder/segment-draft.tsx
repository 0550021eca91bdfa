/**
 * segment-draft.tsx – A segment while it is edited: title, slug, description and filter, and saving
 * them.
 *
 * Keeps true: what is not saved is kept in this tab, with the tag of what it was made from. Nothing
 * that others saved meanwhile is overwritten unseen.
 */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Info, TriangleAlert } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { Fault } from '../../../errors.ts';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { countedText } from '../../parts/words.ts';
import type { OperatorsShown, RevisionShown, SegmentShown } from '../../server/answers.ts';
import { ask, askTagged, type TaggedAnswer } from '../../server/ask.ts';
import { segmentPath } from '../../server/queries.ts';
import { isGone, isOvertaken, ServerRefusal } from '../../server/refusal.ts';
import { PageFrame } from '../../shell/page.tsx';
import { Builder, type BuiltQuery } from './builder.tsx';
import { Conflict, type TheirVersion } from './conflict.tsx';
import { draftOf, keysOf, newGroup, queryOf } from './draft.ts';
import { type NodeFault, nodeFaults, type ReadingContext } from './faults.ts';
import { focusNode } from './focus.ts';
import { type DraftBase, dropDraft, type KeptDraft, keepDraft, NEW_DRAFT } from './kept-draft.ts';
import { slugOf } from './slug.ts';
import { type NamedUses, UsesList, useNamedUses } from './uses-list.tsx';

export const BUILDER_CRUMBS = [
  { title: 'Customer Data' },
  { title: 'Utilities' },
  { title: 'Segments', to: '/segments' },
];

/** What a draft is made from. */
export function baseOf({ value, tag }: TaggedAnswer<SegmentShown>): DraftBase {
  const { revision, title, description = '', query } = value;
  // Combinators between the rules become groups: the same filter, in the form that is edited.
  const draft = draftOf(query);
  const edited = draft ? queryOf(draft) : query;
  return { tag, revision, title, description, query: edited, keys: draft ? keysOf(draft) : [] };
}

interface Details {
  readonly title: string;
  readonly slug: string;
  readonly description: string;
}

interface SegmentDraftProps {
  /** Of the segment that is edited; none of a new one. */
  readonly slug?: string;
  readonly base?: DraftBase;
  readonly kept?: KeptDraft | undefined;
  readonly reading: { readonly context: ReadingContext; readonly table: OperatorsShown };
}

/** Where the builder starts; another object starts it anew. */
type Start = Pick<KeptDraft, 'query' | 'keys'>;

function startOf(kept: Start | undefined, base: DraftBase | undefined): Start {
  const { query, keys } = kept ?? base ?? { query: queryOf(newGroup()), keys: [] };
  return { query, keys };
}

function detailsOf(given: Details | DraftBase | undefined, slug: string): Details {
  if (!given) return { title: '', slug, description: '' };
  return { title: given.title, description: given.description, slug };
}

export function SegmentDraft(props: SegmentDraftProps) {
  const { slug, kept, reading } = props;
  const { context, table } = reading;
  const type = context.type.name;
  const name = slug ?? NEW_DRAFT;
  const [base, setBase] = useState(props.base);
  const [start, setStart] = useState(() => startOf(kept, base));
  const [starts, setStarts] = useState(0);
  const [details, setDetails] = useState(() => detailsOf(kept ?? base, slug ?? kept?.slug ?? ''));
  const [isOwnSlug, setOwnSlug] = useState((kept?.slug ?? '') !== '');
  const [built, setBuilt] = useState<BuiltQuery>();
  const [theirs, setTheirs] = useState<TheirVersion>();
  const [, goTo] = useLocation();
  const cache = useQueryClient();
  const uses = useNamedUses(slug);

  const isDirty = built !== undefined && isChanged(built.query, details, base);
  useKeptDraft(name, type, isDirty, built, details, base);

  const save = useMutation({
    mutationFn: async (tag: string | undefined) => {
      const { title, description } = details;
      const sent = {
        title: title.trim(),
        slug: slug ?? details.slug,
        object_type: type,
        query: built?.query,
        ...(description.trim() === '' ? {} : { description: description.trim() }),
      };
      return slug === undefined
        ? ask<SegmentShown>('/v1/segments', { method: 'POST', body: sent })
        : ask<SegmentShown>(segmentPath(slug), { method: 'PUT', body: sent, ifMatch: tag });
    },
    onSuccess: (saved) => {
      dropDraft(name, type);
      cache.removeQueries({ queryKey: ['segment-to-edit', saved.slug] });
      cache.setQueryData(['segment', saved.slug], saved);
      void cache.invalidateQueries({ queryKey: ['segments'] });
      void cache.invalidateQueries({ queryKey: ['counts'] });
      goTo(`/segments/${saved.slug}`);
    },
    onError: async (error) => {
      if (isOvertaken(error) && slug !== undefined) setTheirs(await readTheirs(slug));
      else focusFault(error);
    },
  });
  const refused = useMemo(() => refusedNodes(save.error), [save.error]);
  // What the server had against it was about what was sent then.
  const resetSave = save.reset;
  const builtQuery = built && JSON.stringify(built.query);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each edit makes it old
  useEffect(() => resetSave(), [builtQuery, details, resetSave]);

  const latest = useRef(() => {});
  latest.current = () => {
    const lack = lackOfDetails(details, slug);
    const fault = built?.faults[0];
    if (lack) document.getElementById(`segment-${lack}`)?.focus();
    else if (fault) focusNode(fault.at);
    else if (built && !save.isPending && (isDirty || slug === undefined)) save.mutate(base?.tag);
  };
  const onSave = useCallback(() => latest.current(), []);

  const restart = (from: DraftBase | undefined) => {
    dropDraft(name, type);
    setBase(from);
    setStart(startOf(undefined, from));
    setDetails(detailsOf(from, slug ?? ''));
    setTheirs(undefined);
    setStarts((before) => before + 1);
  };
  const saveAsNew = () => {
    if (!built) return;
    const { query, keys } = built;
    const title = details.title === '' ? '' : `${details.title}, copied`;
    const { description } = details;
    keepDraft(NEW_DRAFT, { object_type: type, title, slug: '', description, query, keys });
    goTo(`/segments/new?type=${encodeURIComponent(type)}`);
  };
  const canSave = built !== undefined && built.faults.length === 0 && !save.isPending;
  const count = uses.segments.length + uses.views.length + uses.webhooks.length;
  return (
    <PageFrame
      title={details.title || (slug ?? 'New segment')}
      crumbs={BUILDER_CRUMBS}
      beside={<TypeTag type={type} />}
      actions={
        <>
          {isDirty ? (
            <Button kind="ghost" onPress={() => restart(base)}>
              Discard
            </Button>
          ) : slug === undefined ? null : (
            <ButtonLink kind="ghost" to={`/segments/${slug}`}>
              Back
            </ButtonLink>
          )}
          {slug === undefined ? null : <Button onPress={saveAsNew}>Save as new</Button>}
          <Button
            kind="primary"
            isDisabled={!canSave || (slug !== undefined && !isDirty)}
            onPress={onSave}
          >
            {save.isPending ? 'Saving' : slug === undefined ? 'Create segment' : 'Save changes'}
          </Button>
        </>
      }
    >
      <DraftState slug={slug} isDirty={isDirty} base={base} />
      {theirs ? (
        <Conflict
          theirs={theirs}
          mine={{ title: details.title, sentence: built?.sentence ?? '' }}
          onKeep={() => {
            const { tag } = theirs.read;
            setTheirs(undefined);
            setBase((before) => before && { ...before, tag });
            save.mutate(tag);
          }}
          onTake={() => restart(baseOf(theirs.read))}
          onSaveAsNew={saveAsNew}
        />
      ) : (
        <SaveRefusal error={save.error} query={built?.query} />
      )}
      <DetailsFields
        details={details}
        isNew={slug === undefined}
        faults={faultsOf(save.error)}
        onChange={(next) => {
          const isOwn = isOwnSlug || next.slug !== details.slug;
          if (next.slug !== details.slug) setOwnSlug(next.slug !== '');
          setDetails(slug !== undefined || isOwn ? next : { ...next, slug: slugOf(next.title) });
        }}
      />
      <Builder
        key={starts}
        context={context}
        table={table}
        slug={slug}
        start={start}
        saved={base}
        refused={refused}
        onChange={setBuilt}
        onSave={onSave}
        uses={slug === undefined ? undefined : <UsesList uses={uses} />}
        usesTitle={count > 0 ? `Used by ${count}` : 'Used by'}
      >
        <Affected uses={uses} />
      </Builder>
    </PageFrame>
  );
}

function isChanged(query: unknown, details: Details, base: DraftBase | undefined): boolean {
  if (!base) {
    const { title, description } = details;
    const isEmpty = JSON.stringify(query) === JSON.stringify(queryOf(newGroup()));
    return title !== '' || description !== '' || !isEmpty;
  }
  return (
    details.title !== base.title ||
    details.description !== base.description ||
    JSON.stringify(query) !== JSON.stringify(base.query)
  );
}

/** Keeps the draft in this tab while it says something else than what is saved. */
function useKeptDraft(
  name: string,
  type: string,
  isDirty: boolean,
  built: BuiltQuery | undefined,
  { title, slug, description }: Details,
  base: DraftBase | undefined,
): void {
  useEffect(() => {
    if (!built) return;
    const { query, keys } = built;
    if (isDirty)
      keepDraft(name, { object_type: type, title, slug, description, query, keys, base });
    else dropDraft(name, type);
  }, [name, type, isDirty, built, title, slug, description, base]);
}

async function readTheirs(slug: string): Promise<TheirVersion> {
  const path = segmentPath(slug);
  const [read, revisions] = await Promise.all([
    askTagged<SegmentShown>(path),
    ask<{ data: RevisionShown[] }>(`${path}/revisions?limit=1`),
  ]);
  const { by = null, at = read.value.updated_at } = revisions.data[0] ?? {};
  return { read, by, at };
}

// ——— What the server had against it ———

function faultsOf(error: unknown): readonly Fault[] {
  if (!(error instanceof ServerRefusal)) return [];
  if (error.code === 'segment_slug_taken') return [{ path: '/slug', detail: error.message }];
  return error.faults;
}

function refusedNodes(error: unknown): readonly NodeFault[] {
  return nodeFaults(faultsOf(error));
}

function focusFault(error: unknown): void {
  const [fault] = faultsOf(error);
  const [, member] = fault?.path.split('/') ?? [];
  if (member === 'query') focusNode(refusedNodes(error)[0]?.at ?? '');
  else if (member) document.getElementById(`segment-${member}`)?.focus();
}

function lackOfDetails({ title, slug }: Details, known: string | undefined) {
  if (title.trim() === '') return 'title';
  return known === undefined && slug === '' ? 'slug' : undefined;
}

function SaveRefusal({ error, query }: { readonly error: unknown; readonly query: unknown }) {
  if (!error || isOvertaken(error) || faultsOf(error).length > 0) return null;
  const title = isGone(error)
    ? 'The segment was deleted meanwhile. Save it as a new one, or copy its query.'
    : error instanceof ServerRefusal
      ? error.title
      : 'That did not work';
  return (
    <div className="builder-faults" role="alert">
      <b>{title}</b>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {isGone(error) ? <pre className="code">{JSON.stringify(query)}</pre> : null}
    </div>
  );
}

// ——— What is above and beneath ———

interface DraftStateProps {
  readonly slug: string | undefined;
  readonly isDirty: boolean;
  readonly base: DraftBase | undefined;
}

function DraftState({ slug, isDirty, base }: DraftStateProps) {
  return (
    <div className="draft-state">
      {slug === undefined ? null : <code className="code">{slug}</code>}
      {isDirty ? (
        <span className="draft-dirty">
          <Info className="icon" aria-hidden="true" />
          {base
            ? `Unsaved draft of revision ${base.revision}, kept in this tab`
            : 'Unsaved draft, kept in this tab'}
        </span>
      ) : null}
      {slug !== undefined && isDirty ? (
        <span className="quiet">
          The saved filter keeps answering until the new one is complete
        </span>
      ) : null}
    </div>
  );
}

interface DetailsFieldsProps {
  readonly details: Details;
  readonly isNew: boolean;
  readonly faults: readonly Fault[];
  readonly onChange: (details: Details) => void;
}

function DetailsFields({ details, isNew, faults, onChange }: DetailsFieldsProps) {
  const fields = [
    ['title', 'Title', 200],
    ...(isNew ? ([['slug', 'Slug', 128]] as const) : []),
    ['description', 'Description', 4000],
  ] as const;
  return (
    <div className="draft-details">
      {fields.map(([name, label, lengthMax]) => {
        const fault = faults.find(({ path }) => path === `/${name}`)?.detail;
        return (
          <div key={name} className={`draft-detail is-${name}`}>
            <label htmlFor={`segment-${name}`}>{label}</label>
            <input
              id={`segment-${name}`}
              className="field"
              maxLength={lengthMax}
              autoComplete="off"
              aria-invalid={fault !== undefined || undefined}
              aria-describedby={fault === undefined ? undefined : `segment-${name}-fault`}
              value={details[name]}
              onChange={({ target }) => onChange({ ...details, [name]: target.value })}
            />
            {fault === undefined ? null : (
              <p id={`segment-${name}-fault`} className="draft-fault">
                {fault}
              </p>
            )}
          </div>
        );
      })}
    </div>
  );
}

function Affected({ uses }: { readonly uses: NamedUses }) {
  const parts = [
    [uses.views.length, 'view'],
    [uses.segments.length, 'segment'],
    [uses.webhooks.length, 'webhook'],
  ] as const;
  const named = parts.filter(([count]) => count > 0);
  if (named.length === 0) return null;
  return (
    <p className="preview-affected">
      <TriangleAlert className="icon" aria-hidden="true" />
      <span>
        Saving changes {named.map(([count, one]) => countedText(count, one)).join(', ')}.
        {uses.webhooks.length > 0
          ? ' A webhook isn’t told about edits by itself: run a sync after the switch.'
          : ''}
      </span>
    </p>
  );
}
