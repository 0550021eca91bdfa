/**
 * first-steps.tsx – What to do first, while nothing is declared yet.
 */
import { hasPage } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { useMay } from '../../session/use-session.ts';

const SEEDS = '/seeds';
const IMPORTS = '/imports';

export function FirstSteps() {
  const mayEdit = useMay('write_catalog');
  const offers = (path: string) => mayEdit && hasPage(path);
  return (
    <section className="card" aria-label="First steps">
      <ol className="steps">
        <li>
          <strong>Say what your records hold</strong>
          <p>
            Declare an object type: <code>PUT /v1/object-types/contacts</code>, or load a seed: a
            file with types, segments and records.
          </p>
          {offers(SEEDS) ? <ButtonLink to={SEEDS}>Load a seed</ButtonLink> : null}
        </li>
        <li>
          <strong>Send records</strong>
          <p>
            One at a time, as NDJSON or as CSV: <code>rollcall ingest contacts.ndjson</code>, or a
            file from here.
          </p>
          {offers(IMPORTS) ? <ButtonLink to={IMPORTS}>Import a file</ButtonLink> : null}
        </li>
        <li>
          <strong>Build a segment</strong>
          <p>
            Its count is exact from then on. To see one at work first, run{' '}
            <code>rollcall demo</code> in a terminal: it plays four years of a shop, beside this.
          </p>
        </li>
      </ol>
      {mayEdit ? null : (
        <p className="steps-note">Your key may read only: ask somebody with a service key.</p>
      )}
    </section>
  );
}
