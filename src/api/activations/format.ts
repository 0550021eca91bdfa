/**
 * format.ts – Activations, their syncs and dead letters as they are answered.
 */
import type { StoredActivation } from '../../catalog/catalog.ts';
import type { DeliveryState, SyncState, WebhookLetter } from '../../jobs/webhook-lanes.ts';
import { isoTime, isoTimeOrNull } from '../times.ts';

export function formatActivation(
  activation: StoredActivation,
  state: DeliveryState,
): Record<string, unknown> {
  const { id, view, url, events, on_edit = false } = activation;
  const { status, delivered, pending, dead } = state;
  return {
    id,
    view,
    url,
    events,
    on_edit,
    status,
    disabled_at: isoTimeOrNull(state.disabledAt),
    delivered,
    pending,
    dead_letters: { count: dead, dropped: state.dropped },
    failures: {
      in_a_row: state.failures,
      since: isoTimeOrNull(state.failingSince),
      last_error: state.lastError ?? null,
      last_at: isoTimeOrNull(state.lastFailureAt),
    },
    last_success_at: isoTimeOrNull(state.lastSuccessAt),
    created_at: isoTime(activation.created_at),
    updated_at: isoTime(activation.updated_at),
  };
}

export function formatSync({
  id,
  status,
  members,
  total,
  startedAt,
  updatedAt,
  error,
}: SyncState): Record<string, unknown> {
  // Members come and go while it runs.
  const progress = status === 'done' ? 1 : Math.min(1, members / Math.max(total, 1));
  return {
    id,
    status,
    progress,
    members,
    total,
    error: error ?? null,
    started_at: isoTime(startedAt),
    updated_at: isoTime(updatedAt),
  };
}

export function formatLetter({
  id,
  attempts,
  at,
  error,
  body,
}: WebhookLetter): Record<string, unknown> {
  return { id, event: JSON.parse(body), error, attempts, at: isoTime(at) };
}
