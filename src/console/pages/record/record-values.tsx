/**
 * record-values.tsx – The values of a record, by group: what is declared, what it is related to by
 * keys, and what came along undeclared.
 */
import { Link } from 'wouter';
import { recordAddress } from '../../parts/record-names.ts';
import { relationshipsOf } from '../../parts/relationships.ts';
import { type AttributeShown, Value } from '../../parts/values.tsx';
import { titleText } from '../../parts/words.ts';
import type { RecordShown, TypeShown } from '../../server/answers.ts';

interface RecordValuesProps {
  readonly type: TypeShown;
  readonly types: readonly TypeShown[];
  readonly record: RecordShown;
}

/** Groups in the order in which people look: who it is, when, how much, the rest. */
const GROUPS: readonly (readonly [title: string, kinds: readonly string[]])[] = [
  ['Texts', ['string', 'list']],
  ['Times', ['date', 'datetime']],
  ['Numbers', ['number', 'boolean']],
  ['Structures', ['object']],
];
/** A few are not worth a group each. */
const GROUPED_FROM = 7;

export function RecordValues({ type, types, record: { data } }: RecordValuesProps) {
  const attributes = Object.entries(type.attributes);
  const keys = relationshipsOf(type, types).filter(({ key }) => key !== undefined);
  const known = new Set([...Object.keys(type.attributes), ...keys.map(({ key }) => key!)]);
  const undeclared = Object.entries(data).filter(([name]) => !known.has(name));
  const groups =
    attributes.length < GROUPED_FROM
      ? [['Values', attributes] as const]
      : GROUPS.map(
          ([title, kinds]) =>
            [title, attributes.filter(([, { type: kind }]) => kinds.includes(kind))] as const,
        );
  return (
    <>
      {groups
        .filter(([, members]) => members.length > 0)
        .map(([title, members]) => (
          <ValueGroup key={title} title={title}>
            {members.map(([name, attribute]) => (
              <OneValue key={name} name={name} attribute={attribute} value={data[name]} />
            ))}
          </ValueGroup>
        ))}
      {keys.length === 0 ? null : (
        <ValueGroup title="Keys">
          {keys.map(({ name, key, to }) => (
            <div key={name}>
              <dt>
                {titleText(name)} <span className="code quiet">{key}</span>
              </dt>
              <dd>
                <KeyLinks ids={data[key!]} to={to} />
              </dd>
            </div>
          ))}
        </ValueGroup>
      )}
      {undeclared.length === 0 ? null : (
        <ValueGroup title="Not declared" note="Stored as they came; no filter can ask for them.">
          {undeclared.map(([name, value]) => (
            <OneValue key={name} name={name} value={value} />
          ))}
        </ValueGroup>
      )}
    </>
  );
}

interface ValueGroupProps {
  readonly title: string;
  readonly note?: string;
  readonly children: React.ReactNode;
}

function ValueGroup({ title, note, children }: ValueGroupProps) {
  return (
    <section className="card why-section">
      <h2>
        {title} {note ? <span>{note}</span> : null}
      </h2>
      <dl className="values">{children}</dl>
    </section>
  );
}

interface OneValueProps {
  readonly name: string;
  readonly attribute?: AttributeShown;
  readonly value: unknown;
}

function OneValue({ name, attribute, value }: OneValueProps) {
  const isStructure = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (
    <div className={isStructure ? 'is-wide' : ''}>
      <dt title={attribute?.description}>{titleText(name, attribute?.label)}</dt>
      <dd>
        {isStructure ? (
          <pre className="code">{JSON.stringify(value, null, 2)}</pre>
        ) : (
          <Value value={value} attribute={attribute} />
        )}
      </dd>
    </div>
  );
}

function KeyLinks({ ids, to }: { readonly ids: unknown; readonly to: string }) {
  const all = (Array.isArray(ids) ? ids : [ids]).filter((id) => typeof id === 'string');
  if (all.length === 0) return <span className="quiet">No value</span>;
  return (
    <span className="value-list">
      {[...new Set(all)].map((id) => (
        <Link key={id} className="value-link code" href={recordAddress(to, id)}>
          {id}
        </Link>
      ))}
    </span>
  );
}
