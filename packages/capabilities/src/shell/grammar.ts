// packages/capabilities/src/shell/grammar.ts: the permissions `shell:` and `process:`: a command's bare name and, if written, how its arguments begin (K4).
//   `shell:git` any arguments; `shell:git status` only what begins with that argument. Words are apart by one space.
//   S1  A word holds neither space nor control sign: in a normal form they are percent-encoded, so words stay words.
//   S2  What is asked for may be cut after some words: a grant that covers the beginning covers the whole.
import { type Consent, ManifestError } from '@pryx/kernel/contract'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/
// Spaces, controls, what is invisible or turns the direction of text, and the sign of the encoding itself.
const BLURS = /[\p{White_Space}\p{Cc}\p{Cf}%]/gu
const MAX_WORDS = 8 // of a permission
const MAX_LENGTH = 256 // characters of a permission
const RUNS_ANYTHING = new Set(
  (
    'ash awk bash bun busybox csh dash deno docker doas env fish gawk go java ksh lua make mawk nice node nohup npm npx parallel perl php pip ' +
    'pipx pnpm podman pwsh python rscript ruby screen setsid sh ssh stdbuf sudo su systemd-run tclsh time timeout tmux uv uvx xargs yarn zsh'
  ).split(' '),
)

export interface CommandGrammar {
  parse(rest: string): string
  consent(rest: string): Consent
}

/** @param capability `shell` or `process`. @param does Goes on from "It may …", before the command. */
export function createCommandGrammar(capability: string, does: string): CommandGrammar {
  return {
    parse(rest) {
      const [name = '', ...words] = rest.split(' ')
      const plain = NAME.test(name) && words.length < MAX_WORDS && words.every(isWord) && rest.length <= MAX_LENGTH
      if (plain) return rest
      throw invalid(capability, rest)
    },
    consent(rest) {
      const [name = '', ...words] = rest.split(' ')
      const shown = [name, ...words.map(decodeWord)].join(' ')
      if (runsAnything(name) && words.length === 0)
        return {
          text: `${does} ${name}, which can run any program with your rights`,
          risk: 'high',
          traits: ['runs-code', 'sends-out', 'reads-private'],
        }
      if (words.length === 0) return { text: `${does} ${name} with any arguments`, risk: 'high', traits: ['runs-code'] }
      return { text: `${does} “${shown} …”`, risk: runsAnything(name) ? 'high' : 'medium', traits: ['runs-code'] }
    },
  }
}

/** True if `granted` is how `wanted` begins, word by word. */
export function coversCommand(granted: string, wanted: string): boolean {
  return granted === wanted || wanted.startsWith(`${granted} `)
}

/** The rest of the permission that a command line needs (S2). */
export function commandRest(command: string, args: readonly string[]): string {
  let rest = command
  for (const arg of args.slice(0, MAX_WORDS - 1)) {
    const next = `${rest} ${encodeWord(arg)}`
    if (next.length > MAX_LENGTH) break
    rest = next
  }
  return rest
}

export function isCommandName(text: string): boolean {
  return NAME.test(text)
}

function runsAnything(name: string): boolean {
  return RUNS_ANYTHING.has(name.toLowerCase().replace(/[\d.]+$/, ''))
}

/** Percent-encodes what would make words run together, and nothing else; the empty word is `%`. */
function encodeWord(word: string): string {
  return word === '' ? '%' : word.toWellFormed().replace(BLURS, encodeURIComponent)
}

function decodeWord(word: string): string {
  return word === '%' ? "''" : word
}

function isWord(word: string): boolean {
  if (word === '%') return true
  try {
    return word !== '' && encodeWord(decodeURIComponent(word)) === word
  } catch {
    return false // a stray %
  }
}

function invalid(capability: string, rest: string): ManifestError {
  return new ManifestError('MANIFEST_INVALID', `"${capability}:${rest.slice(0, 80)}" does not name a command`, {
    found: `${capability}:${rest.slice(0, 80)}`,
    expected: `${capability}:NAME or ${capability}:NAME ARGUMENT, such as ${capability}:git or ${capability}:git status`,
    hint: `Name the program alone, without a path; at most ${MAX_WORDS - 1} arguments, one space between words.`,
  })
}
