/**
 * sentence.tsx – A filter as a sentence, in the words of the server.
 */
export function Sentence({ words }: { readonly words: string }) {
  return <p className="sentence">{words}</p>;
}
