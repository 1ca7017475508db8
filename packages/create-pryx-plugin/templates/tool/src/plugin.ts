// src/plugin.ts: a tool needs no more than its handler; name, description and input are in package.json.

export interface Counted {
  words: number
  /** As people count them: an emoji is one. */
  characters: number
}

/** The input has been checked against the schema in package.json before it comes here. */
export function count({ text }: { text: string }): Counted {
  return { words: piecesOf(text, 'word'), characters: piecesOf(text, 'grapheme') }
}

function piecesOf(text: string, granularity: 'word' | 'grapheme'): number {
  const pieces = [...new Intl.Segmenter(undefined, { granularity }).segment(text)]
  return granularity === 'word' ? pieces.filter(({ isWordLike }) => isWordLike).length : pieces.length
}
