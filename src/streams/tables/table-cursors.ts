// Where an answer ended, as text for the next question. A place means something in its own table only, and views read
// it without looking twice: what no answer of this table gave is refused here.
//
//   base64url of <sum, 8 bytes> <place>      the sum is over the table, its kind and the place
import { BrokerError } from '#base'

const sumSizeBytes = 8

export class TableCursors {
  readonly #table: string

  /** `table` tells it from all others: its name and kind. */
  constructor(table: string) {
    this.#table = table
  }

  write(place: Uint8Array): string {
    return Buffer.concat([this.#sum(place), place]).toString('base64url')
  }

  /** Throws `invalid_request` for a text that `write` did not give. */
  read(text: string): Uint8Array {
    const place = Buffer.from(text, 'base64url').subarray(sumSizeBytes)
    if (place.length > 0 && this.write(place) === text) return place
    throw new BrokerError('invalid_request', `"${text.slice(0, 60)}" is not where an answer ended`, {
      fix: 'give the "next" of the answer before, of the same table',
      details: { parameter: 'cursor' },
    })
  }

  #sum(place: Uint8Array): Uint8Array {
    const hash = new Bun.CryptoHasher('sha256').update(this.#table).update('\0').update(place)
    return hash.digest().subarray(0, sumSizeBytes)
  }
}
