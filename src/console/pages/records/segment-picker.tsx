/**
 * segment-picker.tsx – Chooses segments that records must be in, or must not be in.
 */
import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { ToggleButton } from 'react-aria-components/ToggleButton';
import { SegmentList } from '../../parts/segment-list.tsx';
import { numberText } from '../../parts/words.ts';
import { countsQuery, segmentsQuery } from '../../server/queries.ts';
import { CHOSEN_MAX, type RecordsWish } from './wish.ts';

type PickedSegments = Pick<RecordsWish, 'in' | 'notIn'>;

interface SegmentPickerProps {
  readonly objectType: string;
  readonly chosen: PickedSegments;
  readonly onChoose: (chosen: PickedSegments) => void;
}

export function SegmentPicker({ objectType, chosen, onChoose }: SegmentPickerProps) {
  const counts = useQuery(countsQuery).data;
  return (
    <SegmentList
      label="Segments"
      objectType={objectType}
      row={({ slug, title }) => {
        const count = counts?.get(slug)?.count;
        return (
          <div className="picker-row">
            <span className="picker-title">
              {title}
              {typeof count === 'number' ? (
                <span className="quiet number"> {numberText(count)}</span>
              ) : null}
            </span>
            <ToggleButton
              className="button is-small picker-in"
              aria-label={`In ${title}`}
              isSelected={chosen.in.includes(slug)}
              isDisabled={!chosen.in.includes(slug) && chosen.in.length >= CHOSEN_MAX}
              onChange={(isIn) => onChoose(withSegment(chosen, slug, isIn ? 'in' : undefined))}
            >
              In
            </ToggleButton>
            <ToggleButton
              className="button is-small picker-out"
              aria-label={`Not in ${title}`}
              isSelected={chosen.notIn.includes(slug)}
              isDisabled={!chosen.notIn.includes(slug) && chosen.notIn.length >= CHOSEN_MAX}
              onChange={(isOut) => onChoose(withSegment(chosen, slug, isOut ? 'notIn' : undefined))}
            >
              Not in
            </ToggleButton>
          </div>
        );
      }}
    />
  );
}

/** A segment is chosen one way, the other, or not. */
export function withSegment(
  chosen: PickedSegments,
  slug: string,
  way: keyof PickedSegments | undefined,
): PickedSegments {
  const others = (slugs: readonly string[]) => slugs.filter((each) => each !== slug);
  return {
    in: way === 'in' ? [...others(chosen.in), slug] : others(chosen.in),
    notIn: way === 'notIn' ? [...others(chosen.notIn), slug] : others(chosen.notIn),
  };
}

export function ChosenTags({ chosen, onChoose }: Omit<SegmentPickerProps, 'objectType'>) {
  const segments = useQuery(segmentsQuery).data;
  const titleOf = (slug: string) => segments?.find((each) => each.slug === slug)?.title ?? slug;
  const tag = (slug: string, word: string) => (
    <span key={`${word} ${slug}`} className="tag hue-plum removable">
      <span>
        {word} <b>{titleOf(slug)}</b>
      </span>
      <button
        type="button"
        aria-label={`Remove: ${word} ${titleOf(slug)}`}
        onClick={() => onChoose(withSegment(chosen, slug, undefined))}
      >
        <X className="icon" aria-hidden="true" />
      </button>
    </span>
  );
  return (
    <>
      {chosen.in.map((slug) => tag(slug, 'in'))}
      {chosen.notIn.map((slug) => tag(slug, 'not in'))}
    </>
  );
}
