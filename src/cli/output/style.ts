// Colour, and text from elsewhere made harmless: a record's value must not move anybody's cursor.
import type { Terminal } from '../terminal.ts'

export type Paint = {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

const plain = (text: string) => text
export const noPaint: Paint = {
  bold: plain,
  dim: plain,
  red: plain,
  green: plain,
  yellow: plain,
  cyan: plain,
}

const sgr = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`
const inColour: Paint = {
  bold: sgr(1),
  dim: sgr(2),
  red: sgr(31),
  green: sgr(32),
  yellow: sgr(33),
  cyan: sgr(36),
}

/** Colours for one stream: only on a terminal that wants them, unless `when` or the environment says otherwise. */
export function paintFor(terminal: Terminal, isTerminal: boolean, when = 'auto'): Paint {
  const { environment } = terminal
  if (when === 'always') return inColour
  if (when === 'never' || environment['NO_COLOR']) return noPaint
  if (environment['FORCE_COLOR'] && environment['FORCE_COLOR'] !== '0') return inColour
  return isTerminal && environment['TERM'] !== 'dumb' ? inColour : noPaint
}

/** Control characters written out; `keepLines` leaves line ends and tabs alone. */
export function harmless(text: string, keepLines = false): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (keepLines && (character === '\n' || character === '\t')) return character
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
