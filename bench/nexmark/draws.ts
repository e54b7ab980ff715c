// Random numbers by event: each draw depends on the seed, the number of the event and the number of the draw, and on
// nothing else, so that any event can be made alone.

/** The finaliser of murmur3: every bit of the input reaches every bit of the output. */
function mixed(value: number): number {
  let bits = value ^ (value >>> 16)
  bits = Math.imul(bits, 0x85ebca6b)
  bits ^= bits >>> 13
  bits = Math.imul(bits, 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

const golden = 0x9e3779b9

/** The draws of one event after another: `begin` chooses the event, each call then takes its next draw. */
export class Draws {
  readonly #seed: number
  #base = 0
  #next = 0

  constructor(seed: number) {
    this.#seed = mixed(seed)
  }

  begin(event: number): void {
    const high = Math.floor(event / 2 ** 32)
    this.#base = mixed((mixed(this.#seed ^ (event >>> 0)) + high) >>> 0)
    this.#next = 0
  }

  /** 32 bits. */
  bits(): number {
    this.#next = (this.#next + golden) >>> 0
    return mixed((this.#base + this.#next) >>> 0)
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor((this.bits() * count) / 2 ** 32)
  }

  /** From 0 to below 1, of two draws. */
  fraction(): number {
    const high = this.bits() >>> 5
    return (high * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53
  }
}
