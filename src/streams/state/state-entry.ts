// An entry of a store as people read it: whose it is, what it is, and its value. Nothing is computed from it; the formats are
// those of state-key.ts.
import { toError } from '#base'
import type { KeyValue } from '../graph/node.ts'
import {
  decodeValue,
  readItemKey,
  readOwned,
  readTaggedKey,
  readTime,
  signatureSpace,
  taskKey,
  timeSizeBytes,
} from './state-key.ts'
import type { StateEntry } from './state-store.ts'

export type EntryText = {
  /** null: the task itself. */
  readonly node: string | null
  /** `task signature result window progress item left right row cursor state event-timer wall-timer waiting waits other` */
  readonly kind: string
  readonly key: KeyValue | null
  /** The beginning of a window, the time of an item: milliseconds since 1970. */
  readonly at: number | null
  /** Of several under one key: a number of an item, the name of a state or of a timer. */
  readonly part: string | null
  readonly value: unknown
}

const decoder = new TextDecoder()
const plain: EntryText = { node: null, kind: 'other', key: null, at: null, part: null, value: null }

export function entryText(entry: StateEntry): EntryText {
  return { ...keyText(entry.key), value: valueText(entry.value) }
}

function valueText(value: Uint8Array): unknown {
  try {
    return decodeValue(value, 'an entry')
  } catch (thrown) {
    return { base64: Buffer.from(value).toString('base64'), why: toError(thrown).message }
  }
}

function keyText(stored: Uint8Array): EntryText {
  if (Buffer.compare(stored, taskKey) === 0) return { ...plain, kind: 'task' }
  if (stored[0] === signatureSpace) {
    return { ...plain, kind: 'signature', node: decoder.decode(stored.subarray(1)) }
  }
  const end = stored.indexOf(0)
  const node = decoder.decode(stored.subarray(0, end))
  const tail = stored.subarray(end + 2)
  return { ...plain, node, ...tailText(String.fromCharCode(stored[end + 1] ?? 0), tail) }
}

/** What follows `<node> 00 <space>`. */
function tailText(space: string, tail: Uint8Array): Partial<EntryText> {
  switch (space) {
    case 'k':
      return { kind: 'result', key: readTaggedKey(tail) }
    case 'w':
      return { kind: 'window', at: readTime(tail, 0), key: readTaggedKey(tail.subarray(timeSizeBytes)) }
    case 'p':
      return { kind: 'progress' }
    case 'i':
    case 'l':
    case 'r': {
      const { key, at, seq } = readItemKey(tail, new Uint8Array())
      return { kind: { i: 'item', l: 'left', r: 'right' }[space], key, at, part: String(seq) }
    }
    case 't': {
      const side = String.fromCharCode(tail[0] ?? 0)
      if (side !== 'l' && side !== 'r') return { kind: 'row', key: readTaggedKey(tail) }
      return { kind: side === 'l' ? 'left' : 'right', key: readTaggedKey(tail.subarray(1)) }
    }
    case 'c':
      return { kind: 'cursor' }
    case 's': {
      const nameEnd = tail.indexOf(0)
      const { key, part } = readOwned(tail, tail.subarray(0, nameEnd + 1))
      return { kind: 'state', key, part: decoder.decode(tail.subarray(0, nameEnd)) + partText(part) }
    }
    case 'e':
    case 'x': {
      const { key, part } = readOwned(tail, new Uint8Array())
      return { kind: space === 'e' ? 'event-timer' : 'wall-timer', key, part: decoder.decode(part) }
    }
    case 'q':
      return { kind: 'waiting', part: String(readTime(tail, 0)) }
    case 'y':
      return { kind: 'waits' }
    default:
      return { kind: 'other', part: Buffer.from(tail).toString('base64') }
  }
}

/** An item of a list is eight bytes; an entry of a map is a tagged key, which is text. */
function partText(part: Uint8Array): string {
  if (part.length === 0) return ''
  const isTagged = [0x62, 0x6e, 0x73].includes(part[0]!)
  return isTagged ? `[${JSON.stringify(readTaggedKey(part))}]` : `[${readTime(part, 0)}]`
}
