// A group's position as a record of `__consumer_offsets`, in Kafka's own layout, so that its tools can read it.
//
//   key    version:i16=1  group:string  topic:string  partition:i32
//   value  version:i16=3  offset:i64  leaderEpoch:i32 (-1 unknown)  metadata:string  commitTimestamp:i64
//
// Big-endian; a string is its length in bytes (i16) and UTF-8. A null value removes the position.
//
// Invariants:
//   1. The newest record of a key counts.
//   2. Keys of version 2 belong to membership of groups, which nothing writes yet: they are skipped.
//   3. Any other version comes from a newer pspf and is refused by name, never guessed.
import { asMillis, asOffset, BrokerError, type Millis, type Offset } from '#base'

export type OffsetKey = { readonly group: string; readonly topic: string; readonly partition: number }
export type OffsetValue = {
  readonly offset: Offset
  readonly committedAt: Millis
  /** Free text that a Kafka consumer keeps beside its position. */
  readonly metadata: string
  readonly leaderEpoch: number
}

const keyVersion = 1
const membershipKeyVersion = 2
const valueVersion = 3
const decoder = new TextDecoder()

export function encodeOffsetKey({ group, topic, partition }: OffsetKey): Uint8Array {
  const bytes = Buffer.allocUnsafe(10 + Buffer.byteLength(group) + Buffer.byteLength(topic))
  let at = bytes.writeInt16BE(keyVersion, 0)
  at = writeString(bytes, at, group)
  at = writeString(bytes, at, topic)
  bytes.writeInt32BE(partition, at)
  return bytes
}

export function encodeOffsetValue(value: OffsetValue): Uint8Array {
  const bytes = Buffer.allocUnsafe(24 + Buffer.byteLength(value.metadata))
  let at = bytes.writeInt16BE(valueVersion, 0)
  at = bytes.writeBigInt64BE(BigInt(value.offset), at)
  at = bytes.writeInt32BE(value.leaderEpoch, at)
  at = writeString(bytes, at, value.metadata)
  bytes.writeBigInt64BE(BigInt(value.committedAt), at)
  return bytes
}

/** null for a key that is no position (see invariant 2). */
export function decodeOffsetKey(bytes: Uint8Array): OffsetKey | null {
  const reader = new Fields(bytes, 'key')
  const version = reader.int16()
  if (version === membershipKeyVersion) return null
  if (version !== keyVersion && version !== 0) throw reader.unknownVersion(version)
  return { group: reader.string(), topic: reader.string(), partition: reader.int32() }
}

export function decodeOffsetValue(bytes: Uint8Array): OffsetValue {
  const reader = new Fields(bytes, 'value')
  const version = reader.int16()
  if (version !== valueVersion) throw reader.unknownVersion(version)
  const offset = asOffset(reader.int64())
  const leaderEpoch = reader.int32()
  const metadata = reader.string()
  return { offset, leaderEpoch, metadata, committedAt: asMillis(reader.int64()) }
}

function writeString(into: Buffer, at: number, text: string): number {
  const sizeBytes = into.write(text, at + 2)
  into.writeInt16BE(sizeBytes, at)
  return at + 2 + sizeBytes
}

/** Fields one after another, each refused when the bytes end before it does. */
class Fields {
  readonly #bytes: Buffer
  readonly #part: string
  #at = 0

  constructor(bytes: Uint8Array, part: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#part = part
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#take(8)))
  }

  string(): string {
    const sizeBytes = this.int16()
    const start = this.#take(Math.max(0, sizeBytes))
    return decoder.decode(this.#bytes.subarray(start, this.#at))
  }

  unknownVersion(version: number): BrokerError {
    return new BrokerError(
      'corrupt',
      `a group position has a ${this.#part} of version ${version}, which is not known`,
      {
        fix: 'the data directory was written by a newer pspf: start that one, or restore a backup',
      },
    )
  }

  #take(sizeBytes: number): number {
    const start = this.#at
    if (start + sizeBytes > this.#bytes.length) {
      throw new BrokerError(
        'corrupt',
        `the ${this.#part} of a group position ends after ${this.#bytes.length} bytes`,
        {
          fix: 'restore the data directory from a backup',
        },
      )
    }
    this.#at += sizeBytes
    return start
  }
}
