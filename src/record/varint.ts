// Kafka's variable-length integers: seven bits a byte, low group first, zigzag so that small negatives stay short.
//
//   value   0    -1   1    -2   63   -64  64     2147483647
//   bytes   00   01   02   03   7e   7f   80 01  fe ff ff ff 0f
//
// A varint holds 32 bits in at most 5 bytes, a varlong 64 bits in at most 10. Varlongs are JavaScript numbers here: one
// outside +-2^53 cannot be a time or an offset of ours and is refused as corrupt.
import { BrokerError } from '#base'

const twoTo32 = 2 ** 32

/** Bytes that `writeVarint` takes. `sizeOfVarint(64) -> 2`. */
export function sizeOfVarint(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5
}

/** Writes a 32-bit integer; answers the position after it. The caller has made room. */
export function writeVarint(into: Uint8Array, position: number, value: number): number {
  let at = position
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

const fitsVarint = (value: number) => value >= -0x80000000 && value <= 0x7fffffff

/** Bytes that `writeVarlong` takes. */
export function sizeOfVarlong(value: number): number {
  if (fitsVarint(value)) return sizeOfVarint(value)
  let size = 5
  for (let reach = 2 ** 34; size < 10 && (value >= reach || value < -reach); reach *= 128) size++
  return size
}

/** Writes a safe integer as a varlong; answers the position after it. */
export function writeVarlong(into: Uint8Array, position: number, value: number): number {
  if (fitsVarint(value)) return writeVarint(into, position, value)
  const sign = value < 0 ? -1 : 0
  const low = (value % twoTo32) | 0
  const high = Math.floor(value / twoTo32) | 0
  let restLow = (low << 1) ^ sign
  let restHigh = ((high << 1) | (low >>> 31)) ^ sign
  let at = position
  while (restHigh !== 0 || restLow >>> 0 > 0x7f) {
    into[at++] = (restLow & 0x7f) | 0x80
    restLow = (restLow >>> 7) | (restHigh << 25)
    restHigh >>>= 7
  }
  into[at++] = restLow
  return at
}

/** Reads integers from `bytes[at, end)` and never beyond. One reader serves any number of records. */
export class VarintReader {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  end = 0

  varint(): number {
    const first = this.at < this.end ? this.bytes[this.at]! : 0x80
    if (first < 0x80) {
      this.at++
      return (first >>> 1) ^ -(first & 1)
    }
    let zigzag = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte()
      zigzag |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
    }
    throw damaged('a varint is longer than 32 bits')
  }

  varlong(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) break
        return this.#unzigzag(low, high)
      }
    }
    throw damaged('a varlong is longer than 64 bits')
  }

  #unzigzag(low: number, high: number): number {
    const sign = -(low & 1)
    const plainLow = ((low >>> 1) | (high << 31)) ^ sign
    const plainHigh = (high >>> 1) ^ sign
    const value = plainHigh * twoTo32 + (plainLow >>> 0)
    if (!Number.isSafeInteger(value)) throw damaged('a varlong is outside the safe integers')
    return value
  }

  #byte(): number {
    if (this.at >= this.end) throw damaged('an integer runs past its end')
    return this.bytes[this.at++]!
  }
}

function damaged(why: string): BrokerError {
  return new BrokerError('corrupt', `record is malformed: ${why}`)
}
