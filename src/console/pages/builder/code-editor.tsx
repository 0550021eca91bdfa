/**
 * code-editor.tsx – A filter that is no rule group, as its JSON: JsonLogic and item trees say what
 * the controls have no place for.
 */
interface CodeEditorProps {
  readonly code: string;
  readonly onChange: (code: string) => void;
}

export function CodeEditor({ code, onChange }: CodeEditorProps) {
  return (
    <section className="card builder-code" aria-label="The filter as JSON" data-path="">
      <p className="quiet">
        This filter is not made of conditions that can be shown one by one. It is edited as JSON.
      </p>
      <textarea
        data-first
        aria-label="JSON of the filter"
        spellCheck={false}
        rows={Math.min(30, code.split('\n').length + 2)}
        value={code}
        onChange={({ target }) => onChange(target.value)}
      />
    </section>
  );
}
