/**
 * type-tag.tsx – The name of an object type, with its icon and hue.
 */
import { useQuery } from '@tanstack/react-query';
import { typesQuery } from '../server/queries.ts';
import { lookOf } from './type-look.ts';
import { titleText } from './words.ts';

/** The label of a type where it has one. */
function useTypeTitle(type: string): string {
  const { data: types } = useQuery(typesQuery);
  return titleText(type, types?.find(({ name }) => name === type)?.label);
}

export function TypeTag({ type }: { readonly type: string }) {
  const { Icon, hue } = lookOf(type);
  return (
    <span className={`tag ${hue}`}>
      <Icon className="icon" aria-hidden="true" />
      <span>{useTypeTitle(type)}</span>
    </span>
  );
}
