/**
 * object-type.ts – The declaration of records of one kind: typed attributes, and relationships to
 * other types.
 *
 * Keeps true: every name matches NAME and is no member of Object.prototype. So reading a declared
 * attribute from a record never finds anything but the record's own value. An attribute, a
 * relationship and the inverse of another type's relationship never share a name, nor have one of
 * those that every record brings along. Names that differ in case are different names.
 */
import { type Fault, Problem, pointer } from '../errors.ts';
import { shownTextFault } from './shown-text.ts';

export const SCALAR_TYPES = ['string', 'number', 'boolean', 'date', 'datetime'] as const;
export type ScalarType = (typeof SCALAR_TYPES)[number];
export const ATTRIBUTE_TYPES = [...SCALAR_TYPES, 'list', 'object'] as const;
export type AttributeType = (typeof ATTRIBUTE_TYPES)[number];
/** How many records a relationship leads to. */
export const CARDINALITIES = ['one', 'many'] as const;
export type Cardinality = (typeof CARDINALITIES)[number];

/** What pages show of a type or an attribute. No record and no filter depends on it. */
interface Caption {
  readonly label?: string;
  readonly description?: string;
  /** How values are written, in words of the page's own: `currency`, `url`, … */
  readonly format?: string;
}

/** `of` is the type of a list's elements; it is present exactly when `type` is `list`. */
export interface Attribute extends Caption {
  readonly type: AttributeType;
  readonly of?: ScalarType;
}

/** Declared on the type that holds the key; the inverse is always to-many. */
export interface Relationship {
  readonly to: string;
  readonly key: string;
  readonly cardinality: Cardinality;
  readonly inverse: string;
}

/** What pages show of records of a type. */
interface TypeCaption extends Caption {
  /** The attribute whose value a record is called by. */
  readonly title_attribute?: string;
}

/** As it is sent, stored and returned. */
export interface ObjectTypeDefinition extends TypeCaption {
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly relationships: Readonly<Record<string, Relationship>>;
}

export interface ObjectType {
  readonly name: string;
  /**
   * Grows with every change of the attributes: a record row names the revision that its values are
   * known to fit.
   */
  readonly revision: number;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly relationships: ReadonlyMap<string, Relationship>;
  readonly caption?: TypeCaption;
}

export const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const ATTRIBUTES_MAX = 1000;
/** Characters of what pages show. */
export const CAPTION_MAX = { label: 200, description: 4000, format: 64 } as const;
const CAPTION_NAMES = Object.keys(CAPTION_MAX) as (keyof Caption)[];
const MEMBERS = [
  'attributes',
  'relationships',
  'title_attribute',
  ...CAPTION_NAMES,
  // added by the server, and ignored
  'name',
  'revision',
  'records',
  'inverse_relationships',
];
const RESERVED_TYPE_NAMES = new Set(['segments', 'views', 'object_types']);
/** json-logic-js would read them from every record. */
const PROTOTYPE_NAMES: ReadonlySet<unknown> = new Set(Object.getOwnPropertyNames(Object.prototype));
/** The names that every record has besides its attributes. */
const RECORD_NAMES: ReadonlySet<unknown> = new Set([
  'id',
  'version',
  'created_at',
  'updated_at',
  'archived_at',
]);

export function objectType(
  name: string,
  revision: number,
  { attributes, relationships, ...rest }: ObjectTypeDefinition,
): ObjectType {
  const caption = captionOf(rest);
  return {
    name,
    revision,
    attributes: new Map(Object.entries(attributes)),
    relationships: new Map(Object.entries(relationships)),
    ...(Object.keys(caption).length === 0 ? {} : { caption }),
  };
}

/** What is stored beside it, such as the revision, is no part of the caption. */
function captionOf(given: TypeCaption): TypeCaption {
  const names = [...CAPTION_NAMES, 'title_attribute'] as const;
  return Object.fromEntries(names.flatMap((name) => (name in given ? [[name, given[name]]] : [])));
}

export function objectTypeDefinition(type: ObjectType): ObjectTypeDefinition {
  return {
    attributes: Object.fromEntries(type.attributes),
    relationships: Object.fromEntries(type.relationships),
    ...type.caption,
  };
}

/** Whether two declarations take the same values. */
export function sameAttribute(a: Attribute | undefined, b: Attribute | undefined): boolean {
  return a?.type === b?.type && a?.of === b?.of;
}

/**
 * Reads a definition as it was sent. `declared` are the other types of the catalog, for the targets
 * and inverses.
 * @throws Problem object_type_invalid with a JSON pointer for each fault.
 */
export function parseObjectType(
  name: string,
  body: unknown,
  declared: ReadonlyMap<string, ObjectType>,
): ObjectTypeDefinition {
  const faults: Fault[] = [];
  const ofType = RESERVED_TYPE_NAMES.has(name) ? 'is reserved' : nameFault(name);
  if (ofType) faults.push({ path: '', detail: `the name '${name}' ${ofType}` });
  const given = isObject(body) ? body : {};
  if (!isObject(body))
    faults.push({ path: '', detail: 'an object type is an object with attributes' });
  for (const member of Object.keys(given)) {
    if (!MEMBERS.includes(member)) {
      faults.push({
        path: pointer('', member),
        detail: `'${member}' is not a member of an object type`,
      });
    }
  }
  const attributes = parseAttributes(given['attributes'] ?? {}, faults);
  const relationships = parseRelationships(
    name,
    given['relationships'] ?? {},
    attributes,
    declared,
    faults,
  );
  const caption = parseCaption(given, '', faults);
  const title = parseTitle(given['title_attribute'], attributes, faults);
  if (faults.length > 0) throw new Problem('object_type_invalid', faults[0]!.detail, faults);
  return { attributes, relationships, ...caption, ...title };
}

/** What is null or empty is left out. */
function parseCaption(
  given: Readonly<Record<string, unknown>>,
  path: string,
  faults: Fault[],
): Caption {
  const caption: Record<string, string> = {};
  for (const name of CAPTION_NAMES) {
    const text = given[name] ?? '';
    const most = CAPTION_MAX[name];
    const isText = typeof text === 'string' && text.length <= most;
    const fault = isText
      ? shownTextFault(text, name === 'description' ? 'many' : 'one')
      : `is a text of at most ${most} characters`;
    if (fault) faults.push({ path: pointer(path, name), detail: `${name} ${fault}` });
    else if (isText && text !== '') caption[name] = text;
  }
  return caption;
}

function parseTitle(
  given: unknown,
  attributes: Readonly<Record<string, Attribute>>,
  faults: Fault[],
): Pick<TypeCaption, 'title_attribute'> {
  if (given === undefined || given === null) return {};
  const named = typeof given === 'string' && Object.hasOwn(attributes, given);
  const type = named ? attributes[given]!.type : undefined;
  if (SCALAR_TYPES.some((scalar) => scalar === type)) return { title_attribute: given as string };
  faults.push({
    path: '/title_attribute',
    detail: 'title_attribute names an attribute of single values that is declared here',
  });
  return {};
}

function parseAttributes(given: unknown, faults: Fault[]): Record<string, Attribute> {
  const attributes: Record<string, Attribute> = {};
  if (!isObject(given)) {
    faults.push({
      path: '/attributes',
      detail: 'attributes are an object of name to { "type": … }',
    });
    return attributes;
  }
  const names = Object.keys(given);
  if (names.length > ATTRIBUTES_MAX)
    faults.push({ path: '/attributes', detail: `more than ${ATTRIBUTES_MAX} attributes` });
  for (const name of names) {
    const path = pointer('/attributes', name);
    refuseName(name, `the name '${name}'`, path, faults);
    const attribute = parseAttribute(given[name], path, faults);
    if (attribute) attributes[name] = attribute;
  }
  return attributes;
}

function parseAttribute(given: unknown, path: string, faults: Fault[]): Attribute | undefined {
  const declared = isObject(given) ? given : {};
  const type = ATTRIBUTE_TYPES.find((known) => known === declared['type']);
  if (!type) {
    faults.push({
      path: `${path}/type`,
      detail: `type must be one of ${ATTRIBUTE_TYPES.join(', ')}`,
    });
    return undefined;
  }
  for (const member of Object.keys(declared)) {
    const isRead =
      member === 'type' ||
      (member === 'of' && type === 'list') ||
      CAPTION_NAMES.some((name) => name === member);
    if (!isRead) {
      faults.push({
        path: pointer(path, member),
        detail: `'${member}' is not a member of a ${type} attribute`,
      });
    }
  }
  const caption = parseCaption(declared, path, faults);
  if (type !== 'list') return { type, ...caption };
  const of = SCALAR_TYPES.find((known) => known === declared['of']);
  if (!of) {
    faults.push({
      path: `${path}/of`,
      detail: `a list says what it holds: of must be one of ${SCALAR_TYPES.join(', ')}`,
    });
    return undefined;
  }
  return { type, of, ...caption };
}

function parseRelationships(
  holder: string,
  given: unknown,
  attributes: Readonly<Record<string, Attribute>>,
  declared: ReadonlyMap<string, ObjectType>,
  faults: Fault[],
): Record<string, Relationship> {
  const relationships: Record<string, Relationship> = {};
  if (!isObject(given)) {
    faults.push({
      path: '/relationships',
      detail: 'relationships are an object of name to { "to", "key", … }',
    });
    return relationships;
  }
  for (const name of Object.keys(given)) {
    const path = pointer('/relationships', name);
    refuseName(name, `the name '${name}'`, path, faults);
    if (Object.hasOwn(attributes, name))
      faults.push({ path, detail: `'${name}' is an attribute already` });
    const relationship = parseRelationship(holder, given[name], path, attributes, declared, faults);
    if (relationship) relationships[name] = relationship;
  }
  refuseSharedInverses(holder, relationships, attributes, declared, faults);
  refuseInversesOfOthers(holder, { attributes, relationships }, declared, faults);
  return relationships;
}

function parseRelationship(
  holder: string,
  given: unknown,
  path: string,
  attributes: Readonly<Record<string, Attribute>>,
  declared: ReadonlyMap<string, ObjectType>,
  faults: Fault[],
): Relationship | undefined {
  if (!isObject(given)) {
    faults.push({
      path,
      detail: 'a relationship is an object { "to", "key", "cardinality", "inverse" }',
    });
    return undefined;
  }
  const before = faults.length;
  const { to, key, inverse } = given;
  const cardinality = given['cardinality'] ?? 'one';
  if (typeof to !== 'string' || (to !== holder && !declared.has(to))) {
    faults.push({
      path: `${path}/to`,
      detail: `to must name a declared object type or '${holder}' itself`,
    });
  }
  refuseName(key, 'key', `${path}/key`, faults);
  if (typeof key === 'string' && Object.hasOwn(attributes, key)) {
    faults.push({
      path: `${path}/key`,
      detail: `'${key}' is a declared attribute; keys hold ids and are not declared`,
    });
  }
  if (cardinality !== 'one' && cardinality !== 'many') {
    faults.push({ path: `${path}/cardinality`, detail: 'cardinality must be one or many' });
  }
  refuseName(inverse, 'inverse is required and', `${path}/inverse`, faults);
  for (const member of Object.keys(given)) {
    if (!['to', 'key', 'cardinality', 'inverse'].includes(member)) {
      faults.push({
        path: pointer(path, member),
        detail: `'${member}' is not a member of a relationship`,
      });
    }
  }
  if (faults.length > before) return undefined;
  return { to, key, cardinality, inverse } as Relationship;
}

/** An inverse is a name on the target: nothing else there may have it. */
function refuseSharedInverses(
  holder: string,
  relationships: Readonly<Record<string, Relationship>>,
  attributes: Readonly<Record<string, Attribute>>,
  declared: ReadonlyMap<string, ObjectType>,
  faults: Fault[],
): void {
  const taken = new Set<string>();
  for (const [name, relationship] of Object.entries(relationships)) {
    const target = declared.get(relationship.to);
    const onTarget = `${relationship.to}.${relationship.inverse}`;
    const ownNames = relationship.to === holder ? { ...attributes, ...relationships } : {};
    const clash =
      taken.has(onTarget) ||
      Object.hasOwn(ownNames, relationship.inverse) ||
      (relationship.to !== holder &&
        (target?.attributes.has(relationship.inverse) ||
          target?.relationships.has(relationship.inverse))) ||
      holderOf(declared, holder, relationship.to, relationship.inverse) !== undefined;
    if (clash) {
      const path = `${pointer('/relationships', name)}/inverse`;
      faults.push({ path, detail: `'${onTarget}' is taken: an inverse is unique on its target` });
    }
    taken.add(onTarget);
  }
}

/**
 * The other side of it: a name that the relationship of another type has put here is declared as
 * nothing else.
 */
function refuseInversesOfOthers(
  target: string,
  given: ObjectTypeDefinition,
  declared: ReadonlyMap<string, ObjectType>,
  faults: Fault[],
): void {
  for (const member of ['attributes', 'relationships'] as const) {
    for (const name of Object.keys(given[member])) {
      const holder = holderOf(declared, target, target, name);
      if (holder === undefined) continue;
      const detail = `'${name}' is taken: '${holder}' has a relationship whose inverse it is`;
      faults.push({ path: pointer(`/${member}`, name), detail });
    }
  }
}

/** @returns another type than `except` that has a relationship to `to` with that inverse. */
function holderOf(
  declared: ReadonlyMap<string, ObjectType>,
  except: string,
  to: string,
  inverse: string,
): string | undefined {
  for (const { name, relationships } of declared.values()) {
    if (name === except) continue;
    for (const relationship of relationships.values())
      if (relationship.to === to && relationship.inverse === inverse) return name;
  }
  return undefined;
}

/** Notes what is wrong with a name that a record has a member of. */
function refuseName(name: unknown, what: string, path: string, faults: Fault[]): void {
  const detail = RECORD_NAMES.has(name) ? "is reserved: it is the record's own" : nameFault(name);
  if (detail) faults.push({ path, detail: `${what} ${detail}` });
}

function nameFault(name: unknown): string | undefined {
  if (PROTOTYPE_NAMES.has(name)) return 'is reserved';
  return typeof name === 'string' && NAME.test(name) ? undefined : `must match ${NAME.source}`;
}

/** A JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
