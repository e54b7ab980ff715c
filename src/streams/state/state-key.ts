// Keys and values of state, as stored and as written to the changelog. Both formats are durable.
//
//   key                                        value
//   00                                         the task itself (time, positions), see runtime/task-state.ts
//   01 <node>                                  what kind of state the node has, see runtime/signature.ts
//   <node> 00 'k' <tag> <key text>             an aggregate of a key
//   <node> 00 'w' <start> <tag> <key text>     an aggregate of a key in the window that begins there
//   <node> 00 'p'                              which shared windows are closed, see runtime/pane-operator.ts
//   <node> 00 <list> <tag> <key text> 00 <at> <seq>   an item at a time of a key: a session, a moment of a sliding
//                                              window, a row that waits for its match; <list> is 'i', 'l' or 'r'
//   <node> 00 't' <tag> <key text>             the row of a key in a table
//   <node> 00 't' <side> <tag> <key text>      the same of two tables that are joined; <side> is 'l' or 'r'
//   <node> 00 'c'                              the cursor of a source
//   <node> 00 's' <state> 00 <owned> <part>    state of a key in a process handler: <part> is nothing for a value, eight
//                                              bytes like <at> for an item of a list, a tagged key for an entry
//   <node> 00 'e' <owned> <name>               an event-time timer of a key; 'x': one of the wall clock
//   <node> 00 'q' <seq>                        a row that waits for its answer, see runtime/async-operator.ts; <seq> is eight
//                                              bytes like <at>
//   <node> 00 'y'                              how often timers of the wall clock waited for the end of the log
//
// <node> is the id that the user gave, which has no byte below 0x2d. <start> and <at> are eight bytes, most significant
// first, with the sign flipped, so that bytes are in the order of time; <seq> is four bytes. <tag> is 'b', 'n' or 's': boolean, number or string.
// <owned> is the length of what follows as four bytes, then <tag> <key text>.
// A value is one byte that says its version, then JSON.
import { assert, BrokerError } from '#base'
import type { KeyValue } from '../graph/node.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const taskKey = Uint8Array.of(0)
export const signatureSpace = 1

export const signatureKey = (node: string): Uint8Array =>
  Uint8Array.of(signatureSpace, ...encoder.encode(node))

export const cursorKey = (node: string): Uint8Array => encoder.encode(`${node}\0c`)
export const aggregatePrefix = (node: string): Uint8Array => encoder.encode(`${node}\0k`)
export const windowsPrefix = (node: string): Uint8Array => encoder.encode(`${node}\0w`)

export const progressKey = (node: string): Uint8Array => encoder.encode(`${node}\0p`)
export const listsPrefix = (node: string, list: 'i' | 'l' | 'r'): Uint8Array =>
  encoder.encode(`${node}\0${list}`)
export const tablesPrefix = (node: string, side: 'l' | 'r'): Uint8Array => encoder.encode(`${node}\0t${side}`)
export const tablePrefix = (node: string): Uint8Array => encoder.encode(`${node}\0t`)

export const statePrefix = (node: string, state: string): Uint8Array => encoder.encode(`${node}\0s${state}\0`)
export const timersPrefix = (node: string, clock: 'event' | 'wall'): Uint8Array =>
  encoder.encode(`${node}\0${clock === 'event' ? 'e' : 'x'}`)
export const heldPrefix = (node: string): Uint8Array => encoder.encode(`${node}\0q`)
export const waitsKey = (node: string): Uint8Array => encoder.encode(`${node}\0y`)

export const timeSizeBytes = 8
const seqSizeBytes = 4
/** What follows the prefix of an item's key. */
export const itemTailSizeBytes = timeSizeBytes + seqSizeBytes

export function windowPrefix(node: string, start: number): Uint8Array {
  const space = windowsPrefix(node)
  const prefix = new Uint8Array(space.length + timeSizeBytes)
  prefix.set(space)
  writeTime(prefix, space.length, start)
  return prefix
}

/** Where the window begins to which a stored key belongs. */
export const windowStartOf = (stored: Uint8Array, space: Uint8Array): number => readTime(stored, space.length)

/** What all items of a key begin with. Other keys may begin with it as well, but are longer: see `readItemKey`. */
export function itemsPrefix(space: Uint8Array, key: KeyValue): Uint8Array {
  const tagged = taggedKey(key)
  const prefix = new Uint8Array(space.length + tagged.length + 1)
  prefix.set(space)
  prefix.set(tagged, space.length)
  return prefix
}

export function itemKey(prefix: Uint8Array, at: number, seq: number): Uint8Array {
  const stored = new Uint8Array(prefix.length + itemTailSizeBytes)
  stored.set(prefix)
  writeTime(stored, prefix.length, at)
  new DataView(stored.buffer).setUint32(prefix.length + timeSizeBytes, seq)
  return stored
}

export function readItemKey(
  stored: Uint8Array,
  space: Uint8Array,
): { key: KeyValue; at: number; seq: number } {
  const end = stored.length - itemTailSizeBytes
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  return {
    key: readTaggedKey(stored.subarray(space.length, end - 1)),
    at: readTime(stored, end),
    seq: view.getUint32(end + timeSizeBytes),
  }
}

function writeTime(into: Uint8Array, position: number, time: number): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength)
  const high = Math.floor(time / 2 ** 32)
  view.setUint32(position, (high ^ 0x80000000) >>> 0)
  view.setUint32(position + 4, time - high * 2 ** 32)
}

/** Of the eight bytes there. */
export function readTime(from: Uint8Array, position: number): number {
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength)
  const high = view.getUint32(position) ^ 0x80000000
  return high * 2 ** 32 + view.getUint32(position + 4)
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

/** The smallest key above this one. */
export function justAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
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

const ownerSizeBytes = 4

/** What everything of a key begins with, and nothing of any other key. */
export function ownedPrefix(space: Uint8Array, key: KeyValue): Uint8Array {
  const tagged = taggedKey(key)
  const prefix = new Uint8Array(space.length + ownerSizeBytes + tagged.length)
  prefix.set(space)
  new DataView(prefix.buffer).setUint32(space.length, tagged.length)
  prefix.set(tagged, space.length + ownerSizeBytes)
  return prefix
}

export function readOwned(stored: Uint8Array, space: Uint8Array): { key: KeyValue; part: Uint8Array } {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const begin = space.length + ownerSizeBytes
  const end = begin + view.getUint32(space.length)
  return { key: readTaggedKey(stored.subarray(begin, end)), part: stored.subarray(end) }
}

/** Numbers in the order of their bytes. */
export function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(timeSizeBytes)
  writeTime(bytes, 0, value)
  return bytes
}

export const readNumber = (bytes: Uint8Array): number => readTime(bytes, 0)

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

/** In the order in which rows of one moment are emitted: by the bytes of the key's text; `1` before `'1'`. */
export function compareKeys(a: KeyValue, b: KeyValue): number {
  return compareAsBytes(textOfKey(a), textOfKey(b)) || compareAsBytes(typeof a, typeof b)
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
