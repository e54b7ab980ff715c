// Which apps are paused, kept in the log: an app that somebody paused stays paused when the node restarts.
import { asOffset } from '#base'
import type { Broker } from '#broker'
import { readRecords } from '#record'

/** Key: app id. Value: `{"paused":true}`. The last record of an app counts. */
export const appsTopic = '_pspf.apps'

const readBytesMax = 2 ** 20

export class PausedApps {
  readonly #broker: Broker
  readonly #paused = new Set<string>()
  #loading: Promise<void> | undefined

  constructor(broker: Broker) {
    this.#broker = broker
  }

  async has(app: string): Promise<boolean> {
    this.#loading ??= this.#load()
    await this.#loading
    return this.#paused.has(app)
  }

  /** Durable when it resolves. */
  async set(app: string, paused: boolean): Promise<void> {
    if ((await this.has(app)) === paused) return
    if (!this.#exists()) await this.#create()
    const encoder = new TextEncoder()
    const value = encoder.encode(JSON.stringify({ paused }))
    await this.#broker.produce(appsTopic, [{ key: encoder.encode(app), value }], { internal: true })
    if (paused) this.#paused.add(app)
    else this.#paused.delete(app)
  }

  #exists(): boolean {
    return this.#broker.topics().some((topic) => topic.name === appsTopic)
  }

  async #create(): Promise<void> {
    const config = { retentionMs: null, retentionBytes: null }
    await this.#broker.createTopic({ name: appsTopic, partitions: 1, config }, { internal: true })
  }

  async #load(): Promise<void> {
    if (!this.#exists()) return
    const decoder = new TextDecoder()
    for (let next = this.#broker.topic(appsTopic).partitions[0]!.startOffset; ; ) {
      const request = { topic: appsTopic, partition: 0, from: next, bytesMax: readBytesMax, waitMs: 0 }
      const { batches } = await this.#broker.fetch(request)
      if (batches.length === 0) return
      for (const record of readRecords(batches, next)) {
        next = asOffset(record.offset + 1)
        if (record.key === null || record.value === null) continue
        const app = decoder.decode(record.key)
        const { paused } = JSON.parse(decoder.decode(record.value)) as { paused: boolean }
        if (paused) this.#paused.add(app)
        else this.#paused.delete(app)
      }
    }
  }
}
