/**
 * group-view.tsx – A group of conditions, and how they combine.
 *
 * Keeps true: conditions that did not change are not drawn again.
 */
import { EyeOff, Group, Plus } from 'lucide-react';
import { memo } from 'react';
import type { ObjectType } from '../../../change/object-type.ts';
import { Button } from '../../parts/button.tsx';
import { KeyCap } from '../../parts/key-cap.tsx';
import { numberText } from '../../parts/words.ts';
import { type DraftGroup, groupWithin, isGroup, KEY } from './draft.ts';
import { type NodeNotes, useEditing } from './editing.ts';
import { Grip } from './grip.tsx';
import { JointChoice } from './joint-choice.tsx';
import { FaultNote, NodeActions, NodeCount, RuleRow } from './rule-row.tsx';

interface GroupProps {
  readonly group: DraftGroup;
  readonly type: ObjectType;
  readonly path: string;
  readonly notes: NodeNotes;
}

/** The whole filter. */
export const RootGroup = memo(function RootGroup({ group, type, path, notes }: GroupProps) {
  const { of, faults } = notes;
  const fault = faults.get(path);
  return (
    <section
      className="card builder-root"
      aria-label="Conditions"
      data-path={path}
      data-key={group[KEY]}
    >
      <div className="builder-head">
        <JointChoice group={group} path={path} />
        <span className="builder-word">of these hold</span>
        <span className="grow" />
        <span className="quiet builder-column">
          {of ? `Pass alone, of ${numberText(of)}` : 'Pass alone'}
        </span>
      </div>
      {fault ? <FaultNote fault={fault.detail} isUnfinished={fault.isUnfinished === true} /> : null}
      <GroupBody group={group} type={type} path={path} notes={notes} hue="root" />
    </section>
  );
});

/** A group among conditions. */
const InnerGroup = memo(function InnerGroup({ group, type, path, notes }: GroupProps) {
  const isMuted = group.muted === true;
  const fault = notes.faults.get(path);
  return (
    <li
      className={`builder-rule${isMuted ? ' is-muted' : ''}`}
      data-key={group[KEY]}
      data-path={path}
    >
      <div className="builder-line">
        <Grip path={path} />
        <div className="builder-controls">
          <JointChoice group={group} path={path} />
          <span className="builder-word">of these hold</span>
        </div>
        {isMuted ? (
          <span className="tag">
            <EyeOff className="icon" aria-hidden="true" />
            Switched off
          </span>
        ) : (
          <NodeCount
            count={notes.counts.get(group[KEY])}
            of={notes.of}
            left={notes.left.get(group[KEY])}
          />
        )}
        <NodeActions node={group} path={path} type={type} />
      </div>
      {fault ? <FaultNote fault={fault.detail} isUnfinished={fault.isUnfinished === true} /> : null}
      <GroupBody group={group} type={type} path={path} notes={notes} hue="inner" />
    </li>
  );
});

export interface GroupBodyProps extends GroupProps {
  readonly hue: 'root' | 'inner' | 'related';
}

/** The conditions of a group, and what adds to them. */
function GroupBody({ group, type, path, notes, hue }: GroupBodyProps) {
  const { act } = useEditing();
  const { counts, of, left, faults, saved } = notes;
  return (
    <div className={`builder-group is-${hue}`} data-group={path}>
      {group.rules.length === 0 ? (
        <p className="builder-empty quiet">
          {hue === 'related'
            ? 'Nothing is asked of them yet.'
            : 'Without conditions it holds for all.'}
        </p>
      ) : (
        <ol>
          {group.rules.map((node, at) => {
            const each = `${path}/rules/${at}`;
            if (isGroup(node))
              return (
                <InnerGroup key={node[KEY]} group={node} type={type} path={each} notes={notes} />
              );
            const fault = faults.get(each);
            return (
              <RuleRow
                key={node[KEY]}
                rule={node}
                type={type}
                path={each}
                count={counts.get(node[KEY])}
                of={of}
                left={left.get(node[KEY])}
                fault={fault?.detail}
                isUnfinished={fault?.isUnfinished}
                was={saved.get(node[KEY])}
                notes={groupWithin(node) ? notes : undefined}
                Body={GroupBody}
              />
            );
          })}
        </ol>
      )}
      <div className="builder-add">
        <Button size="small" onPress={() => act('add', path)}>
          <Plus className="icon" aria-hidden="true" />
          Add condition {hue === 'root' ? <KeyCap name="A" /> : null}
        </Button>
        <Button size="small" onPress={() => act('addGroup', path)}>
          <Group className="icon" aria-hidden="true" />
          Add group {hue === 'root' ? <KeyCap name="G" /> : null}
        </Button>
      </div>
    </div>
  );
}
