// Which letters of a topic are of one record. A stateless node works in every generation of an app, so one bad record may
// leave a letter in each, whenever that generation reads it: far apart, and in any partition. Built for one replay.
import { assert } from '#base'
import type { DeadLetter } from '../dead-letter.ts'
import type { StoredLetter } from './letter-reader.ts'
import type { DeadLetterLimits } from './limits.ts'

export type Place = { readonly partition: number; readonly offset: number }

export type RecordLetters = {
  /** Its letters that wait, as far as they are known. */
  readonly waiting: Place[]
  isSent: boolean
  /** How many letters of it are counted as known. */
  letters: number
}

type Limits = Pick<DeadLetterLimits, 'lettersComparedMax' | 'lettersOfRecordMax'>

export class LettersByRecord {
  readonly #records = new Map<string, RecordLetters>()
  readonly #limits: Limits
  #letters = 0

  /** Past `lettersComparedMax` it forgets the record that it has known longest: its letters then count as one each. */
  constructor(limits: Limits) {
    this.#limits = limits
  }

  add(stored: StoredLetter, place: Place, { isSent }: { readonly isSent: boolean }): void {
    const { letter } = stored
    if (letter === null || letter.kind === 'row') return
    const identity = identityOf(letter, stored)
    let record = this.#records.get(identity)
    if (record === undefined) {
      record = { waiting: [], isSent: false, letters: 0 }
      this.#records.set(identity, record)
    }
    // What is not remembered of a record is settled when the replay comes by.
    if (record.letters >= this.#limits.lettersOfRecordMax) {
      record.isSent ||= isSent
      return
    }
    if (isSent) record.isSent = true
    else record.waiting.push(place)
    record.letters++
    this.#letters++
    while (this.#letters > this.#limits.lettersComparedMax && this.#records.size > 1) this.#forgetOldest()
  }

  /** Of the record of this letter; one that was forgotten begins anew, with this letter. */
  of(stored: StoredLetter, place: Place): RecordLetters {
    const { letter } = stored
    assert(letter !== null, 'a letter that is sent was read')
    const identity = identityOf(letter, stored)
    if (!this.#records.has(identity)) this.add(stored, place, { isSent: false })
    return this.#records.get(identity)!
  }

  #forgetOldest(): void {
    const [oldest] = this.#records
    assert(oldest !== undefined, 'only what is known is forgotten')
    const [identity, { letters }] = oldest
    this.#records.delete(identity)
    this.#letters -= letters
  }
}

/** Its bytes count, too: in a topic that was deleted and created again, another record may stand at the same place. */
function identityOf(
  { app, node, topic, partition, offset, timestamp }: DeadLetter,
  { key, value }: Pick<StoredLetter, 'key' | 'value'>,
): string {
  const sizes = [key?.length ?? null, value?.length ?? null]
  const hash = new Bun.CryptoHasher('sha256')
  hash.update(JSON.stringify([app, node, topic, partition, offset, timestamp, ...sizes]))
  if (key !== null) hash.update(key)
  if (value !== null) hash.update(value)
  return hash.digest('base64').slice(0, 22)
}
