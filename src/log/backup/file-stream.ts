// Moves the bytes of one file in steps small enough that nobody who waits for this thread notices them.
import { BrokerError } from '#base'
import type { Pace } from '../pace.ts'

/** Copying and hashing so much takes a fraction of a millisecond. */
const stepBytes = 256 * 1024

export type ReadableFile = { read(into: Uint8Array, position: number): Promise<number> }

export type StreamOptions = {
  readonly sizeBytes: number
  readonly pace: Pace
  /** Its reason is thrown. */
  readonly signal: AbortSignal
  /** The bytes are good until it resolves. */
  take(bytes: Uint8Array): void | Promise<void>
}

/** Answers the SHA-256 of what was read, 64 hex digits. Throws `corrupt` if the file ends early. */
export async function streamFile(file: ReadableFile, options: StreamOptions): Promise<string> {
  const { sizeBytes, pace, signal, take } = options
  const hash = new Bun.CryptoHasher('sha256')
  const buffer = new Uint8Array(Math.min(stepBytes, sizeBytes))
  for (let position = 0; position < sizeBytes; ) {
    signal.throwIfAborted()
    const wanted = Math.min(buffer.length, sizeBytes - position)
    await pace.rest(wanted)
    const count = await file.read(buffer.subarray(0, wanted), position)
    if (count === 0) throw new BrokerError('corrupt', `it ends at byte ${position} of ${sizeBytes}`)
    const bytes = buffer.subarray(0, count)
    hash.update(bytes)
    await take(bytes)
    position += count
  }
  return hash.digest('hex')
}
