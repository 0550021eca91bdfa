/**
 * activation-words.ts – What is shown of an activation in lists and heads.
 */
import type { ActivationShown } from '../../server/answers.ts';

export const ACTIVATION_CRUMBS = [{ title: 'Operations' }];

/** The URL without its scheme: what tells one receiver from another. */
export function receiverText({ url }: Pick<ActivationShown, 'url'>): string {
  return url.replace(/^https?:\/\//, '');
}

export function activationPath({ view, id }: Pick<ActivationShown, 'view' | 'id'>): string {
  return `/v1/views/${encodeURIComponent(view)}/activations/${encodeURIComponent(id)}`;
}

/** "joined and left" */
export function eventsText({ events }: Pick<ActivationShown, 'events'>): string {
  return events.map((event) => (event === 'entered' ? 'joined' : 'left')).join(' and ');
}
