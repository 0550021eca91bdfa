/**
 * delivery-state.tsx – How the deliveries of an activation stand, in a word.
 */
import type { ActivationShown } from '../../server/answers.ts';

export function DeliveryStateTag({ activation }: { readonly activation: ActivationShown }) {
  const { status, failures } = activation;
  if (status === 'disabled') return <span className="left">Disabled</span>;
  if (failures.in_a_row > 0)
    return (
      <span className="due" title={failures.last_error ?? ''}>
        Retrying
      </span>
    );
  return (
    <span className="live">
      <i />
      Delivers
    </span>
  );
}
