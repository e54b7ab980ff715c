// Finds where values lie inside JSON text, so that they can be stored byte for byte: parsing and writing them again
// would alter what JavaScript cannot hold (12345678901234567890, 1.0, 1e400) and cost time.
//
// Everything here expects text that JSON.parse has accepted; it checks nothing and recurses nowhere.

/** `bytes[start, end)` is one JSON value, without the space around it. */
export type Span = { readonly start: number; readonly end: number }

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openBrace = 0x7b
const openBracket = 0x5b
const closeBrace = 0x7d
const closeBracket = 0x5d

const decoder = new TextDecoder()

/** Calls `visit` with the start of each element of the array that starts at `start`; it answers where the element ends. */
export function eachElement(bytes: Uint8Array, start: number, visit: (start: number) => number): void {
  let at = skipSpace(bytes, start + 1)
  while (bytes[at] !== closeBracket) at = skipSeparator(bytes, visit(at))
}

/**
 * Values of some fields of the object that starts at `start`, and where the object ends. Of a field that is there twice
 * the last one counts, as JSON.parse has it.
 */
export function findFields(
  bytes: Uint8Array,
  start: number,
  names: readonly string[],
): { readonly spans: readonly (Span | null)[]; readonly end: number } {
  const spans: (Span | null)[] = names.map(() => null)
  let at = skipSpace(bytes, start + 1)
  while (bytes[at] !== closeBrace) {
    const nameEnd = skipString(bytes, at)
    const valueStart = skipSpace(bytes, skipSpace(bytes, nameEnd) + 1)
    const valueEnd = skipValue(bytes, valueStart)
    for (let index = 0; index < names.length; index++) {
      if (isName(bytes, at, nameEnd, names[index]!)) spans[index] = { start: valueStart, end: valueEnd }
    }
    at = skipSeparator(bytes, valueEnd)
  }
  return { spans, end: at + 1 }
}

/** @example findField('{"a": 1, "b": [2]}', 0, 'b') -> the span of `[2]` */
export function findField(bytes: Uint8Array, start: number, name: string): Span | null {
  return findFields(bytes, start, [name]).spans[0] ?? null
}

/** The field at a dotted path: a field with the whole path as its name wins, then one step after the other. */
export function findPath(bytes: Uint8Array, start: number, path: string): Span | null {
  if (bytes[start] !== openBrace) return null
  const whole = findField(bytes, start, path)
  if (whole !== null || !path.includes('.')) return whole
  let span: Span | null = { start, end: bytes.length }
  for (const name of path.split('.')) {
    if (bytes[span.start] !== openBrace) return null
    span = findField(bytes, span.start, name)
    if (span === null) return null
  }
  return span
}

export function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start
  while (isSpace(bytes[at])) at++
  return at
}

/** From the first byte of a value to the byte after it. */
export function skipValue(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  if (first === quote) return skipString(bytes, start)
  if (first === openBrace || first === openBracket) return skipNested(bytes, start)
  let at = start
  while (at < bytes.length && !endsScalar(bytes[at]!)) at++
  return at
}

function skipNested(bytes: Uint8Array, start: number): number {
  let depth = 0
  let at = start
  for (;;) {
    const byte = bytes[at]
    if (byte === quote) {
      at = skipString(bytes, at)
      continue
    }
    if (byte === openBrace || byte === openBracket) depth++
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at + 1
    at++
  }
}

function skipString(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
  return at + 1
}

/** After a value: past the comma to the next one, or onto the closing bracket. */
function skipSeparator(bytes: Uint8Array, start: number): number {
  const at = skipSpace(bytes, start)
  return bytes[at] === comma ? skipSpace(bytes, at + 1) : at
}

function isName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  // Most names are plain ASCII of the wanted length or not wanted at all.
  let plain = end - start - 2 === name.length
  for (let at = start + 1, index = 0; plain && index < name.length; at++, index++) {
    const byte = bytes[at]!
    plain = byte === name.charCodeAt(index) && byte < 0x80 && byte !== backslash
  }
  if (plain) return true
  if (!mayBeEscaped(bytes, start, end)) return false
  return JSON.parse(decoder.decode(bytes.subarray(start, end))) === name
}

function mayBeEscaped(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === backslash || bytes[at]! >= 0x80) return true
  return false
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function endsScalar(byte: number): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isSpace(byte)
}
