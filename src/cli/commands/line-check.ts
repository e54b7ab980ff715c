// Decides whether a line can become a record before anything of its request is sent. The line's bytes stay as they are.
import { BrokerError, toError } from '#base'
import { at } from '../output/output.ts'
import type { Line } from './line-reader.ts'

export type LineRules = {
  /** The whole line is text, not JSON. */
  readonly asText: boolean
  readonly keyField: string | undefined
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** The JSON bytes to send for a line. Throws `invalid_request` that names the line. */
export function checkLine({ number, bytes }: Line, rules: LineRules): Uint8Array {
  const text = decode(number, bytes)
  if (rules.asText) return encoder.encode(JSON.stringify(text))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw bad(
      number,
      `is not JSON (${toError(thrown).message.replace(/^JSON Parse error: /, '')})`,
      'correct it, or send lines as plain text with --text',
    )
  }
  if (rules.keyField !== undefined) checkKey(number, at(value, rules.keyField), rules.keyField)
  return bytes
}

function checkKey(line: number, key: unknown, field: string): void {
  const fix = 'name a field that every line has, or leave out --key-field'
  if (key === undefined || key === null) throw bad(line, `has no field "${field}" to take the key from`, fix)
  if (typeof key === 'object')
    throw bad(line, `has an object or a list in "${field}", which cannot be a key`, fix)
}

function decode(line: number, bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    throw bad(line, 'is not UTF-8 text', 'convert the file to UTF-8')
  }
}

function bad(line: number, why: string, fix: string): BrokerError {
  return new BrokerError('invalid_request', `line ${line} ${why}`, { fix, details: { line } })
}
