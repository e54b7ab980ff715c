// Keys and values of state, as stored and as written to the changelog. Both formats are durable.
//
//   key                                        value
//   00                                         the task itself (time, positions), see runtime/task-state.ts
//   01 <node>                                  what kind of state the node has, see runtime/signature.ts
//   <node> 00 'k' <tag> <key text>             an aggregate of a key
//   <node> 00 'w' <start> <tag> <key text>     an aggregate of a key in the window that begins there
//   <node> 00 'c'                              the cursor of a source
//
// <node> is the id that the user gave, which has no byte below 0x2d. <start> is eight bytes, most significant first,
// with the sign flipped, so that bytes are in the order of time. <tag> is 'b', 'n' or 's': boolean, number or string.
// A value is one byte that says its version, then JSON.
import { assert, BrokerError } from '#base'
import type { KeyValue } from '../graph/node.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const taskKey = Uint8Array.of(0)
const signatureSpace = 1

export const signatureKey = (node: string): Uint8Array =>
  Uint8Array.of(signatureSpace, ...encoder.encode(node))

export const cursorKey = (node: string): Uint8Array => encoder.encode(`${node}\0c`)
export const aggregatePrefix = (node: string): Uint8Array => encoder.encode(`${node}\0k`)
export const windowsPrefix = (node: string): Uint8Array => encoder.encode(`${node}\0w`)

const startSizeBytes = 8

export function windowPrefix(node: string, start: number): Uint8Array {
  const space = windowsPrefix(node)
  const prefix = new Uint8Array(space.length + startSizeBytes)
  prefix.set(space)
  const view = new DataView(prefix.buffer)
  const high = Math.floor(start / 2 ** 32)
  view.setUint32(space.length, (high ^ 0x80000000) >>> 0)
  view.setUint32(space.length + 4, start - high * 2 ** 32)
  return prefix
}

/** Where the window begins to which a stored key belongs. */
export function windowStartOf(stored: Uint8Array, space: Uint8Array): number {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const high = view.getUint32(space.length) ^ 0x80000000
  return high * 2 ** 32 + view.getUint32(space.length + 4)
}

/** The first key behind all that begin with the prefix. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  const end = new Uint8Array(prefix)
  for (let index = end.length - 1; index >= 0; index--) {
    if (end[index]! < 0xff) {
      end[index]!++
      return end.subarray(0, index + 1)
    }
  }
  assert(false, 'a prefix has a byte below 0xff')
}

/** A key as text: what record keys hold and by what rows of one moment are ordered. */
export const textOfKey = (key: KeyValue): string => (typeof key === 'string' ? key : String(key))

const tagOf = { string: 's', number: 'n', boolean: 'b' } as const

export function taggedKey(key: KeyValue): Uint8Array {
  return encoder.encode(tagOf[typeof key as keyof typeof tagOf] + textOfKey(key))
}

export function readTaggedKey(bytes: Uint8Array): KeyValue {
  const text = decoder.decode(bytes.subarray(1))
  switch (bytes[0]) {
    case 0x73:
      return text
    case 0x6e:
      return Number(text)
    case 0x62:
      return text === 'true'
    default:
      throw new BrokerError('corrupt', `a key of state begins with byte ${bytes[0]}`)
  }
}

export function joinKey(prefix: Uint8Array, tail: Uint8Array): Uint8Array {
  const key = new Uint8Array(prefix.length + tail.length)
  key.set(prefix)
  key.set(tail, prefix.length)
  return key
}

const valueVersion = 1

export function encodeValue(value: unknown): Uint8Array {
  return encoder.encode(String.fromCharCode(valueVersion) + JSON.stringify(value))
}

export function decodeValue(bytes: Uint8Array, what: string): unknown {
  if (bytes[0] !== valueVersion) {
    throw new BrokerError('conflict', `state of ${what} was written by a newer pspf (version ${bytes[0]})`, {
      fix: 'run the newer one',
    })
  }
  return JSON.parse(decoder.decode(bytes.subarray(1)))
}

/** By UTF-8 bytes, as stores order: JavaScript compares UTF-16, where surrogates lie below U+E000. */
export function compareAsBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  for (let index = 0; index < end; index++) {
    const x = a.charCodeAt(index)
    const y = b.charCodeAt(index)
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? isSurrogate(x) - isSurrogate(y) || x - y : x - y
  }
  return a.length - b.length
}

const isSurrogate = (unit: number): number => (unit <= 0xdfff ? 1 : 0)
