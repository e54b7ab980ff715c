// Randomness, passed in: one seed replays a whole run.

export interface Random {
  /** A whole number in `[0, below)`. */
  below(below: number): number
  /** A random (version 4) UUID as 32 lower-case hex digits. */
  id(): string
}

const hex = (bytes: Uint8Array) => bytes.toHex()

function versionFour(bytes: Uint8Array): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return hex(bytes)
}

/** The machine's own source. */
export function realRandom(): Random {
  return {
    below: (below) => Math.floor(Math.random() * below),
    id: () => versionFour(crypto.getRandomValues(new Uint8Array(16))),
  }
}

/** Mulberry32 (Tommy Ettinger, public domain): small, fast, good enough to schedule faults. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    below: (below) => Math.floor(next() * below),
    id: () => versionFour(Uint8Array.from({ length: 16 }, () => Math.floor(next() * 256))),
  }
}
