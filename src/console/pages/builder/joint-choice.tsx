/**
 * joint-choice.tsx – How the conditions of a group combine: all, any, none.
 */
import { Choice } from '../../parts/choice.tsx';
import { type DraftGroup, type Joint, jointOf, withJoint } from './draft.ts';
import { JOINT_TITLES, useEditing } from './editing.ts';

interface JointChoiceProps {
  readonly group: DraftGroup;
  readonly path: string;
}

export function JointChoice({ group, path }: JointChoiceProps) {
  const { changeGroup } = useEditing();
  const joint = jointOf(group);
  const titles: readonly (readonly [Joint, string])[] =
    joint === 'not all' ? [...JOINT_TITLES, ['not all', 'Not all']] : JOINT_TITLES;
  return (
    <Choice
      label="How the conditions combine"
      choices={titles}
      value={joint}
      onChoose={(next) => changeGroup(path, (now) => withJoint(now, next))}
    />
  );
}
