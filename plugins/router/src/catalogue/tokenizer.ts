// plugins/router/src/catalogue/tokenizer.ts: which tokenizer a model uses, and how many tokens a text is, near enough to plan by.
const BY_FAMILY: readonly [RegExp, string][] = [
  [/^(gpt|o[1-9]|chatgpt|codex)|(^|[/-])gpt-/, 'o200k'],
  [/claude/, 'claude'],
  [/gemini|gemma/, 'gemini'],
  [/llama/, 'llama'],
  [/qwen|qwq/, 'qwen'],
  [/deepseek/, 'deepseek'],
  [/mistral|mixtral|ministral|codestral|devstral|magistral|pixtral/, 'mistral'],
  [/grok/, 'grok'],
  [/glm/, 'glm'],
  [/kimi|moonshot/, 'kimi'],
  [/minimax/, 'minimax'],
  [/command|cohere/, 'cohere'],
]

export function tokenizerOf(family: string, id: string): string {
  const text = `${family || id}`.toLowerCase()
  return BY_FAMILY.find(([pattern]) => pattern.test(text))?.[1] ?? 'unknown'
}

const ASCII_PER_TOKEN = 3.5 // 4 in English prose, less in code and JSON: rather too many tokens than too few
const OTHERS_PER_TOKEN = 1 // Chinese, Japanese, Korean: one or more tokens a character
const LATIN_PER_TOKEN = 2 // accented Latin, Greek, Cyrillic

/** Tokens of `text`, estimated; on the high side, whatever the script. */
export function estimateTokens(text: string): number {
  let ascii = 0
  let latin = 0
  let others = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) ascii++
    else if (code < 0x530) latin++
    else others++
  }
  return Math.ceil(ascii / ASCII_PER_TOKEN + latin / LATIN_PER_TOKEN + others / OTHERS_PER_TOKEN)
}
