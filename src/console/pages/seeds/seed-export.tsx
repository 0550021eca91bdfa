/**
 * seed-export.tsx – Writes this deployment into a file that any other takes over.
 */
import { useQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { Panel } from '../../parts/panel.tsx';
import { countedText, titleText } from '../../parts/words.ts';
import { typesQuery } from '../../server/queries.ts';

const DEFINITIONS = [
  ['object_types', 'Object types'],
  ['segments', 'Segments'],
  ['views', 'Views'],
] as const;

export function SeedExport() {
  const types = useQuery(typesQuery).data ?? [];
  const [chosen, setChosen] = useState<readonly string[]>(DEFINITIONS.map(([kind]) => kind));
  const toggle = (part: string, isOn: boolean) =>
    setChosen(isOn ? [...chosen, part] : chosen.filter((each) => each !== part));
  // Definitions come before the records that need them.
  const parts = [
    ...DEFINITIONS.map(([kind]) => kind),
    ...types.map(({ name }) => `records:${name}`),
  ].filter((part) => chosen.includes(part));
  return (
    <Panel
      title="Export"
      actions={
        parts.length === 0 ? null : (
          <a
            className="button is-small"
            href={`/v1/seeds?include=${encodeURIComponent(parts.join(','))}`}
            download="rollcall-seed.json"
          >
            <Download className="icon" aria-hidden="true" />
            Download the seed
          </a>
        )
      }
    >
      <div className="panel-body seed-parts">
        <fieldset>
          <legend>Definitions</legend>
          {DEFINITIONS.map(([kind, title]) => (
            <label className="check" key={kind}>
              <input
                type="checkbox"
                checked={chosen.includes(kind)}
                onChange={({ target }) => toggle(kind, target.checked)}
              />
              {title}
            </label>
          ))}
        </fieldset>
        {types.length === 0 ? null : (
          <fieldset>
            <legend>Records, without their histories</legend>
            {types.map(({ name, label, records }) => (
              <label className="check" key={name}>
                <input
                  type="checkbox"
                  checked={chosen.includes(`records:${name}`)}
                  onChange={({ target }) => toggle(`records:${name}`, target.checked)}
                />
                {titleText(name, label)}
                <span className="quiet">
                  {records === undefined ? '' : countedText(records, 'record')}
                </span>
              </label>
            ))}
          </fieldset>
        )}
      </div>
    </Panel>
  );
}
