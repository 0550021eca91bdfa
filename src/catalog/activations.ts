/**
 * activations.ts – Creates, edits and deletes activations: the webhooks that a view's changes go
 * to.
 *
 * Keeps true: an activation belongs to one view and goes with it. Its secret is in no entry of the
 * catalog, and only in the answer to its creation, if it was made here. Its URL is one that
 * webhooks may go to, as far as that is known without asking DNS.
 */
import { randomUUID } from 'node:crypto';
import { isObject } from '../change/object-type.ts';
import { assert, type Fault, Problem } from '../errors.ts';
import type { ActivationStore } from './activation-store.ts';
import {
  ACTIVATION_EVENTS,
  type ActivationEvent,
  type StoredActivation,
  type StoredView,
} from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type Edit, isSameJson, UNSIGNED } from './edit.ts';
import { checkMembers } from './naming.ts';
import { unknownView } from './views.ts';
import { makeSecret, secretFault } from './webhook-secret.ts';
import { type AllowedTargets, targetFault } from './webhook-target.ts';

/** The members of an activation that a client may send. */
interface ActivationInput {
  readonly url?: string;
  readonly events?: readonly ActivationEvent[];
  readonly on_edit?: boolean;
  readonly secret?: string;
}

const MEMBERS = ['url', 'secret', 'events', 'on_edit'];
/**
 * The members of an activation that the server adds: accepted back, so that what was read can be
 * sent again, and ignored.
 */
const SERVER_MEMBERS = [
  'id',
  'view',
  'status',
  'disabled_at',
  'failures',
  'delivered',
  'pending',
  'dead_letters',
];
const SERVER_TIMES = ['last_success_at', 'created_at', 'updated_at'];

export interface CreatedActivation {
  readonly activation: StoredActivation;
  /** The secret that was made, if none was given: it is never shown again. */
  readonly secret: string | undefined;
}

export class Activations {
  readonly allowed: AllowedTargets;
  readonly #store: CatalogWriter;
  readonly #kept: ActivationStore;

  constructor(store: CatalogWriter, kept: ActivationStore, allowed: AllowedTargets) {
    this.#store = store;
    this.#kept = kept;
    this.allowed = allowed;
  }

  /** @throws Problem view_unknown | activation_invalid */
  async create(view: string, body: unknown, edit: Edit = UNSIGNED): Promise<CreatedActivation> {
    const given = parse(body, this.allowed, true);
    const { url, events = ACTIVATION_EVENTS, on_edit = false, secret } = given;
    assert(url !== undefined, 'a URL is required');
    const id = randomUUID();
    const made = secret === undefined ? makeSecret() : undefined;
    await this.#store.write(
      (catalog) => {
        if (!catalog.views.has(view)) throw unknownView(view);
        const now = Date.now();
        return written(catalog, edit, id, {
          id,
          view,
          url,
          events,
          on_edit,
          created_at: now,
          updated_at: now,
        });
      },
      { activation: id, secret: secret ?? made! },
    );
    return { activation: this.#stored(view, id), secret: made };
  }

  /**
   * Replaces the members that are given. @throws Problem activation_unknown | activation_invalid
   */
  async patch(
    view: string,
    id: string,
    body: unknown,
    edit: Edit = UNSIGNED,
  ): Promise<StoredActivation> {
    const { secret: sent, ...given } = parse(body, this.allowed, false);
    await this.find(view, id);
    const secret = sent !== undefined && sent !== (await this.secretOf(id)) ? sent : undefined;
    await this.#store.write(
      (catalog) => {
        const old = catalog.activations.get(id);
        if (old?.view !== view) throw unknownActivation(view, id);
        if (secret === undefined && isSameJson(old, { ...old, ...given })) return undefined;
        return written(catalog, edit, id, { ...old, ...given, updated_at: Date.now() });
      },
      secret === undefined ? undefined : { activation: id, secret },
    );
    return this.#stored(view, id);
  }

  /** @throws Problem activation_unknown */
  async remove(view: string, id: string, edit: Edit = UNSIGNED): Promise<void> {
    await this.#store.write((catalog) => {
      if (catalog.activations.get(id)?.view !== view) throw unknownActivation(view, id);
      return written(catalog, edit, id, null);
    });
  }

  /** Those of a view, in the order in which they were created. @throws Problem view_unknown */
  async list(view: string): Promise<StoredActivation[]> {
    await this.#view(view);
    return this.#store.catalog.activationsOf(view);
  }

  /** @throws Problem view_unknown | activation_unknown */
  async find(view: string, id: string): Promise<StoredActivation> {
    await this.#view(view);
    return this.#stored(view, id);
  }

  /** To sign with, and for nothing else. Undefined if the activation is gone. */
  async secretOf(id: string): Promise<string | undefined> {
    return this.#kept.secretOf(id);
  }

  /**
   * Forgets what signs nothing: secrets come with their activations, but earlier releases left some
   * behind.
   */
  async forgetStraySecrets(): Promise<void> {
    const ids = await this.#kept.withSecrets();
    if (ids.every((id) => this.#store.catalog.activations.has(id))) return;
    await this.#store.refresh();
    const strays = ids.filter((id) => !this.#store.catalog.activations.has(id));
    await this.#kept.forgetSecrets(strays);
  }

  /**
   * Those that are gone, with their views or alone, of which something may be kept where webhooks
   * are delivered from.
   */
  async gone(): Promise<string[]> {
    return this.#kept.gone();
  }

  /** Nothing is kept any more of those that went so long ago. */
  async forget(beforeMs: number): Promise<void> {
    await this.#kept.forgetGone(beforeMs);
  }

  async #view(slug: string): Promise<StoredView> {
    const view = (await this.#store.refresh()).views.get(slug);
    if (!view) throw unknownView(slug);
    return view;
  }

  #stored(view: string, id: string): StoredActivation {
    const stored = this.#store.catalog.activations.get(id);
    if (stored?.view !== view) throw unknownActivation(view, id);
    return stored;
  }
}

function written(
  catalog: ConstructorParameters<typeof CatalogDraft>[0],
  edit: Edit,
  id: string,
  value: StoredActivation | null,
) {
  const draft = new CatalogDraft(catalog, edit);
  draft.setActivation(id, value);
  return draft.finish();
}

function parse(body: unknown, allowed: AllowedTargets, isNew: boolean): ActivationInput {
  if (!isObject(body)) throw invalid([{ path: '', detail: 'an activation is a JSON object' }]);
  const faults: Fault[] = [];
  const refuse = (path: string, detail: string) => faults.push({ path, detail });
  checkMembers(body, [...MEMBERS, ...SERVER_MEMBERS, ...SERVER_TIMES], 'an activation', refuse);
  const { url, events, on_edit, secret } = body;
  const urlFault = url === undefined && !isNew ? undefined : targetFault(url, allowed);
  if (urlFault) refuse('/url', urlFault);
  if (events !== undefined && !areEvents(events))
    refuse('/events', 'events is a list of entered and left, at least one');
  if (on_edit !== undefined && typeof on_edit !== 'boolean')
    refuse('/on_edit', 'on_edit is true or false');
  const wrongSecret = secret === undefined ? undefined : secretFault(secret);
  if (wrongSecret) refuse('/secret', wrongSecret);
  if (faults.length > 0) throw invalid(faults);
  const given = Object.entries({ url, events, on_edit, secret }).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(given);
}

function areEvents(given: unknown): given is ActivationEvent[] {
  if (!Array.isArray(given) || given.length === 0 || new Set(given).size !== given.length)
    return false;
  return given.every((event) => ACTIVATION_EVENTS.includes(event));
}

function invalid(faults: readonly Fault[]): Problem {
  return new Problem('activation_invalid', faults[0]!.detail, faults);
}

function unknownActivation(view: string, id: string): Problem {
  return new Problem('activation_unknown', `the view '${view}' has no activation '${id}'`, [], {
    view,
    id,
  });
}
