/**
 * first-steps.tsx – What to do first, while nothing is declared yet.
 */
export function FirstSteps() {
  return (
    <section className="card" aria-label="First steps">
      <ol className="steps">
        <li>
          <strong>Say what your records hold</strong>
          <p>
            Declare an object type: <code>PUT /v1/object-types/contacts</code>, or load a seed file
            with <code>rollcall seeds import</code>.
          </p>
        </li>
        <li>
          <strong>Send records</strong>
          <p>
            One at a time, as NDJSON or as CSV: <code>rollcall ingest contacts.ndjson</code>.
          </p>
        </li>
        <li>
          <strong>Build a segment</strong>
          <p>
            Its count is exact from then on. To look around first, run <code>rollcall demo</code>.
          </p>
        </li>
      </ol>
    </section>
  );
}
