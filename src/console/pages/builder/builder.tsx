/**
 * builder.tsx – Edits a filter: its sentence on top, its conditions, and beside them who would be
 * in the segment.
 *
 * Keeps true: the sentence, the faults and the count are of the draft that is seen. Typing comes
 * first: they follow when there is time.
 */
import './builder.css';
import { ListEnd, Redo2, Undo2 } from 'lucide-react';
import {
  type ReactNode,
  useCallback,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from 'react';
import { Button } from '../../parts/button.tsx';
import { KeyCap } from '../../parts/key-cap.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import type { OperatorsShown } from '../../server/answers.ts';
import { useAndThen } from './and-then.ts';
import { CodeEditor } from './code-editor.tsx';
import {
  changed,
  copied,
  type DraftGroup,
  type DraftNode,
  type DraftRule,
  draftOf,
  duplicated,
  grouped,
  groupWithin,
  inserted,
  isGroup,
  isPlaced,
  KEY,
  keyAfterRemoval,
  keysOf,
  moved,
  muted,
  newGroup,
  newRule,
  nodeAt,
  pathOf,
  queryOf,
  removed,
  withKeys,
} from './draft.ts';
import { startHistory, stepped } from './edit-history.ts';
import { type Editing, EditingContext, type NodeAct, type NodeNotes } from './editing.ts';
import {
  type CheckedQuery,
  checkDraft,
  checkQuery,
  type NodeFault,
  type ReadingContext,
  sentenceOf,
  sentenceOfQuery,
} from './faults.ts';
import { focusFirst, focusNode } from './focus.ts';
import { RootGroup } from './group-view.tsx';
import { lettersAct, setLettersAct } from './letter-keys.ts';
import { PreviewPane } from './preview-pane.tsx';
import { usePreview } from './previewing.ts';

/** What a builder holds now, for whoever saves it. */
export interface BuiltQuery {
  readonly query: unknown;
  readonly keys: readonly string[];
  readonly sentence: string;
  readonly faults: readonly NodeFault[];
}

interface BuilderProps {
  readonly context: ReadingContext;
  readonly table: OperatorsShown;
  /** The segment that is edited, to compare with; none of a new one. */
  readonly slug?: string | undefined;
  /** Where it starts; another `startKey` starts it anew. */
  readonly start: { readonly query: unknown; readonly keys: readonly string[] };
  /** As it was before the draft. */
  readonly saved?: { readonly query: unknown; readonly keys: readonly string[] } | undefined;
  /** What the server had against it when it was sent. */
  readonly refused: readonly NodeFault[];
  readonly onChange: (built: BuiltQuery) => void;
  readonly onSave: () => void;
  /** Beneath the preview: what saving does. */
  readonly children?: ReactNode;
  /** "Used by", as a tab of the pane. */
  readonly uses?: ReactNode;
  readonly usesTitle?: string;
}

export function Builder(props: BuilderProps) {
  const { context, table, slug, start, saved, refused, onChange, onSave } = props;
  const [code, setCode] = useState(() =>
    draftOf(start.query) ? undefined : JSON.stringify(start.query, null, 2),
  );
  const [history, step] = useReducer(stepped, start, ({ query, keys }) =>
    startHistory(withKeys(draftOf(query) ?? newGroup(), keys)),
  );
  const draft = history.now;
  const editing = useActs(context, table, slug, draft, step);
  const root = useRef<HTMLDivElement>(null);
  useFocus(root, editing.focus, draft);

  // What follows from the draft may come a moment later than what is typed.
  const followed = useDeferredValue(draft);
  const followedCode = useDeferredValue(code);
  const { checked, query, sentence } = useMemo(
    () => followUp(followed, followedCode, context),
    [followed, followedCode, context],
  );
  const faults = useSame(checked.faults.length > 0 ? checked.faults : refused);
  useEffect(() => {
    onChange({ query, keys: keysOf(followed), sentence, faults });
  }, [query, followed, sentence, faults, onChange]);

  const [isAsked, setAsked] = useState(false);
  const question =
    checked.faults.length > 0
      ? undefined
      : { object_type: context.type.name, query, compare_to: slug };
  const preview = usePreview(question, followed, isAsked);
  const isReady = code === undefined && checked.faults.length === 0;
  const andThen = useAndThen(followed, context.type.name, isReady);
  const notes = useNotes(preview.shown, preview.subject, faults, saved, andThen.left);
  useBuilderKeys({ ...editing, draft, step, onSave, onCount: preview.countNow, root });

  return (
    <div className="builder" ref={root}>
      <div className="builder-main">
        <p className="sentence builder-sentence">{sentence || 'This can not be read yet.'}</p>
        <FaultList faults={faults} />
        <EditingContext value={editing.value}>
          {code === undefined ? (
            <div className={preview.isOld ? 'is-old' : ''}>
              <RootGroup group={draft} type={context.type} path="" notes={notes} />
            </div>
          ) : (
            <CodeEditor code={code} onChange={setCode} />
          )}
        </EditingContext>
        {code === undefined ? (
          <div className="builder-foot">
            <Button
              kind="ghost"
              size="small"
              isDisabled={history.before.length === 0}
              onPress={() => step({ kind: 'undo' })}
            >
              <Undo2 className="icon" aria-hidden="true" />
              Undo <KeyCap name="Ctrl Z" />
            </Button>
            <Button
              kind="ghost"
              size="small"
              isDisabled={history.after.length === 0}
              onPress={() => step({ kind: 'redo' })}
            >
              <Redo2 className="icon" aria-hidden="true" />
              Redo
            </Button>
            {andThen.start ? (
              <Button
                kind="ghost"
                size="small"
                isDisabled={andThen.isCounting}
                onPress={andThen.start}
              >
                <ListEnd className="icon" aria-hidden="true" />
                {andThen.isCounting ? 'Counting what is left' : 'What is left after each'}
              </Button>
            ) : null}
            <span className="grow" />
            <LetterKeys />
          </div>
        ) : null}
      </div>
      <PreviewPane
        preview={preview}
        type={context.type}
        slug={slug}
        waitsFor={checked.faults}
        isAsked={isAsked}
        onAsked={setAsked}
        query={query}
        jsonLogic={checked.jsonLogic}
        uses={props.uses}
        usesTitle={props.usesTitle}
      >
        {props.children}
      </PreviewPane>
    </div>
  );
}

interface FollowUp {
  readonly checked: CheckedQuery;
  readonly query: unknown;
  readonly sentence: string;
}

function followUp(draft: DraftGroup, code: string | undefined, context: ReadingContext): FollowUp {
  if (code === undefined) {
    const checked = checkDraft(draft, context);
    return { checked, query: queryOf(draft), sentence: sentenceOf(draft, context) };
  }
  try {
    const query: unknown = JSON.parse(code);
    const checked = checkQuery(query, context);
    const isRead = checked.faults.length === 0;
    return { checked, query, sentence: isRead ? sentenceOfQuery(query, context) : '' };
  } catch (error) {
    const detail = `This is no JSON: ${error instanceof Error ? error.message : error}`;
    return { checked: { faults: [{ at: '', detail }], uses: [] }, query: code, sentence: '' };
  }
}

// ——— Edits ———

type TakeStep = React.Dispatch<Parameters<typeof stepped>[1]>;

interface Acts {
  readonly value: Editing;
  readonly act: Editing['act'];
  /** The node that gets the focus once it is drawn. */
  readonly focus: { current: string | undefined };
}

function useActs(
  context: ReadingContext,
  table: OperatorsShown,
  slug: string | undefined,
  draft: DraftGroup,
  step: TakeStep,
): Acts {
  const latest = useRef(draft);
  latest.current = draft;
  const focus = useRef<string>(undefined);
  const edit = useCallback(
    (change: (now: DraftGroup) => DraftGroup, place?: string) =>
      step({ kind: 'edit', change, place, atMs: performance.now() }),
    [step],
  );
  const act = useCallback(
    (name: NodeAct, path: string) => {
      const done = acted(latest.current, name, path);
      if (!done) return;
      focus.current = done.focus;
      edit(() => done.draft);
    },
    [edit],
  );
  const value = useMemo(
    (): Editing => ({
      ...context,
      table,
      slug,
      change: (path, change, place) =>
        edit((now) => changed(now, pathOf(path), (node) => change(node as DraftRule)), place),
      changeGroup: (path, change) =>
        edit((now) => changed(now, pathOf(path), (node) => change(node as DraftGroup))),
      act,
    }),
    [context, table, slug, edit, act],
  );
  return { value, act, focus };
}

/** The draft after something was done with a node, and which node has the focus then. */
function acted(
  draft: DraftGroup,
  name: NodeAct,
  text: string,
): { draft: DraftGroup; focus: string } | undefined {
  const path = pathOf(text);
  const node = nodeAt(draft, path);
  if (!node) return undefined;
  switch (name) {
    case 'add':
    case 'addGroup': {
      const rule = newRule();
      const added: DraftNode = name === 'add' ? rule : newGroup([rule]);
      const [group, at] = placeToAdd(node, path);
      return { draft: inserted(draft, group, at, added), focus: rule[KEY] };
    }
    case 'duplicate': {
      if (!isPlaced(path)) return undefined;
      const copy = copied(node);
      return { draft: duplicated(draft, path, copy), focus: copy[KEY] };
    }
    case 'wrap':
      return { draft: grouped(draft, path, newGroup()), focus: node[KEY] };
    case 'remove':
      if (!isPlaced(path)) return undefined;
      return { draft: removed(draft, path), focus: keyAfterRemoval(draft, path) };
    case 'mute':
      return { draft: muted(draft, path), focus: node[KEY] };
    case 'up':
    case 'down':
      return { draft: moved(draft, path, name), focus: node[KEY] };
  }
}

/** At the end of a group; behind a condition. */
function placeToAdd(node: DraftNode, path: ReturnType<typeof pathOf>) {
  if (isGroup(node)) return [path, node.rules.length] as const;
  return [path.slice(0, -2), Number(path.at(-1)) + 1] as const;
}

/** Gives the focus to the node that it was meant for, once it is drawn. */
function useFocus(
  root: React.RefObject<HTMLDivElement | null>,
  focus: Acts['focus'],
  draft: DraftGroup,
): void {
  // Who moves it by its grip moves it on.
  const isGripped = useRef(false);
  isGripped.current = document.activeElement?.matches('.builder-grip') === true;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows each edit
  useLayoutEffect(() => {
    const key = focus.current;
    if (key === undefined) return;
    focus.current = undefined;
    const node = root.current?.querySelector(`[data-key="${key}"]`);
    if (node) focusFirst(node, isGripped.current);
  }, [draft]);
}

// ——— Keys ———

interface BuilderKeys extends Acts {
  readonly draft: DraftGroup;
  readonly step: TakeStep;
  readonly onSave: () => void;
  readonly onCount: () => void;
  readonly root: React.RefObject<HTMLDivElement | null>;
}

function useBuilderKeys({ act, draft, step, onSave, onCount, root }: BuilderKeys): void {
  /** The path of the node that has the focus. */
  const here = () => {
    const at = document.activeElement?.closest<HTMLElement>('[data-path]');
    return at && root.current?.contains(at) ? at.dataset['path']! : undefined;
  };
  const on = (name: NodeAct) => () => {
    const path = here();
    if (path !== undefined && path !== '') act(name, path);
  };
  const letter = (run: () => void) => () => {
    if (lettersAct()) run();
  };
  useShortcuts({
    a: letter(() => act('add', here() ?? '')),
    g: letter(() => act('addGroup', here() ?? '')),
    m: letter(on('mute')),
    Delete: on('remove'),
    'mod+d': on('duplicate'),
    'mod+z': (event) => step({ kind: event.shiftKey ? 'redo' : 'undo' }),
    'mod+y': () => step({ kind: 'redo' }),
    'mod+s': onSave,
    'mod+enter': onCount,
  });
  const latest = useRef({ draft, act });
  latest.current = { draft, act };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const way = { ArrowUp: 'up', ArrowDown: 'down' } as const;
      const to = way[event.key as keyof typeof way];
      const at = document.activeElement?.closest<HTMLElement>('[data-path]');
      if (!event.altKey || !to || !at?.dataset['path'] || !root.current?.contains(at)) return;
      event.preventDefault();
      latest.current.act(to, at.dataset['path']);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [root]);
}

function LetterKeys() {
  const [isOn, setOn] = useState(lettersAct);
  return (
    <label className="builder-letters">
      <input
        type="checkbox"
        checked={isOn}
        onChange={({ target }) => {
          setLettersAct(target.checked);
          setOn(target.checked);
        }}
      />
      Keys A, G and M act
    </label>
  );
}

// ——— What is known of the nodes ———

function useNotes(
  shown:
    | { breakdown?: readonly { path: string; count: number | null }[]; of: number | null }
    | undefined,
  counted: DraftGroup | undefined,
  faults: readonly NodeFault[],
  saved: BuilderProps['saved'],
  left: NodeNotes['left'],
): NodeNotes {
  const counts = useMemo(() => {
    const byKey = new Map<string, number | null>();
    if (!counted) return byKey;
    for (const { path, count } of shown?.breakdown ?? []) {
      const node = nodeAt(counted, pathOf(path));
      if (node) byKey.set(node[KEY], count);
    }
    return byKey;
  }, [shown, counted]);
  const before = useMemo(() => {
    const root = saved && draftOf(saved.query);
    return root ? nodesOf(withKeys(root, saved.keys)) : new Map<string, DraftNode>();
  }, [saved]);
  const byPath = useMemo(
    () => new Map(faults.toReversed().map((fault) => [fault.at, fault])),
    [faults],
  );
  const of = shown?.of;
  return useMemo(
    () => ({ counts, of, left, faults: byPath, saved: before }),
    [counts, of, left, byPath, before],
  );
}

function nodesOf(root: DraftGroup): Map<string, DraftNode> {
  const nodes = new Map<string, DraftNode>();
  const visit = (node: DraftNode) => {
    nodes.set(node[KEY], node);
    for (const each of isGroup(node) ? node.rules : [groupWithin(node)?.[1]]) if (each) visit(each);
  };
  visit(root);
  return nodes;
}

/** The value of before, as long as the new one says the same. */
function useSame<T>(value: T): T {
  const kept = useRef(value);
  if (kept.current !== value && JSON.stringify(kept.current) !== JSON.stringify(value))
    kept.current = value;
  return kept.current;
}

/** What is wrong, with links to where it is. What is still to come is said there alone. */
function FaultList({ faults }: { readonly faults: readonly NodeFault[] }) {
  const wrong = faults.filter(({ isUnfinished }) => !isUnfinished);
  if (wrong.length === 0) return null;
  return (
    <div className="builder-faults" role="alert">
      <b>{wrong.length === 1 ? 'One thing is' : `${wrong.length} things are`} not right yet</b>
      <ul>
        {wrong.map(({ at, detail }) => (
          <li key={`${at} ${detail}`}>
            <button type="button" onClick={() => focusNode(at)}>
              {detail}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
