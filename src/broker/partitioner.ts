// Which partition a record goes to: the same one that Kafka's Java client would choose for the same key.

const seed = 0x9747b28c
const multiplier = 0x5bd1e995
const shift = 24

/** MurmurHash2, 32 bits, as a signed number: Kafka's variant reads four bytes at a time, little end first. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = seed ^ length
  const blocksEnd = length & ~3
  for (let at = 0; at < blocksEnd; at += 4) {
    let block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    block = Math.imul(block, multiplier)
    block ^= block >>> shift
    block = Math.imul(block, multiplier)
    hash = Math.imul(hash, multiplier) ^ block
  }
  const rest = length & 3
  if (rest === 3) hash ^= bytes[blocksEnd + 2]! << 16
  if (rest >= 2) hash ^= bytes[blocksEnd + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[blocksEnd]!, multiplier)
  hash ^= hash >>> 13
  hash = Math.imul(hash, multiplier)
  return hash ^ (hash >>> 15)
}

/** `toPositive(murmur2(key)) % partitions`; a key never moves while the number of partitions stays. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return partitions === 1 ? 0 : (murmur2(key) & 0x7fffffff) % partitions
}
