// Whether two results are the same rows, in whatever order: a 128-bit hash of each row's text, summed, and their count.

const low64 = 0xffff_ffff_ffff_ffffn

export class ResultHash {
  rows = 0
  #first = 0n
  #second = 0n

  /** `row`: its fields in the order that the query's definition gives. */
  add(row: readonly unknown[]): void {
    const text = JSON.stringify(row)
    this.rows++
    this.#first = (this.#first + Bun.hash.xxHash3(text, 1n)) & low64
    this.#second = (this.#second + Bun.hash.xxHash3(text, 2n)) & low64
  }

  /** 32 hexadecimal digits. */
  digest(): string {
    return [this.#first, this.#second].map((part) => part.toString(16).padStart(16, '0')).join('')
  }
}
