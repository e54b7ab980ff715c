// Apps that were put on this node, each with its versions, kept in the log.
//
// Topic `_pspf.deployments`, one partition, compacted. Keys and values:
//
//   <app>            JSON `{"current":3}`; no value: removed
//   <app>@3          JSON of `Deployment`
//   <app>@3/code     the bundle, zstd
//
// 1. The records of one deployment are one append, the pointer last: a version that is named is there.
// 2. Versions count up and are never given twice, whatever is removed or rolled back.
import { asOffset, BrokerError } from '#base'
import type { Broker } from '#broker'
import { readRecords } from '#record'
import type { AppChange } from '../change/app-change.ts'
import type { Rebuild } from '../change/settle.ts'

export const deploymentsTopic = '_pspf.deployments'

export type Deployment = {
  readonly app: string
  readonly version: number
  /** As its author called the file. */
  readonly file: string
  readonly deployedAt: number
  readonly sizeBytes: number
  /** Of the bundle, in hexadecimal. */
  readonly sha256: string
  /** What it did to the version before. */
  readonly change: AppChange
  readonly rebuild: Rebuild
  /** It is this earlier version again. */
  readonly restores?: number
}

export const deploymentLimits = {
  /** Of a bundle, before compression. */
  bundleSizeBytesMax: 8 * 2 ** 20,
  /** Compressed, it is one record. */
  recordSizeBytesMax: 1_000_000,
  /** Older ones go. */
  versionsMax: 20,
}

type Kept = { deployments: Deployment[]; current: number | null; next: number }

const readBytesMax = 4 * 2 ** 20
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Deployments {
  readonly #broker: Broker
  readonly #apps = new Map<string, Kept>()
  readonly #code = new Map<string, Uint8Array>()
  #loading: Promise<void> | undefined

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** The current version of every app. */
  async current(): Promise<Deployment[]> {
    await this.#loaded()
    return [...this.#apps.values()].flatMap(
      ({ deployments, current }) => deployments.find(({ version }) => version === current) ?? [],
    )
  }

  /** The newest first; empty: it was never deployed. */
  async versions(app: string): Promise<readonly Deployment[]> {
    await this.#loaded()
    return [...(this.#apps.get(app)?.deployments ?? [])].reverse()
  }

  async nextVersion(app: string): Promise<number> {
    await this.#loaded()
    return this.#apps.get(app)?.next ?? 1
  }

  /** Throws `not_found` for a version that is not kept. */
  async bundle(app: string, version: number): Promise<Uint8Array> {
    await this.#loaded()
    const packed = this.#code.get(codeKey(app, version))
    if (packed !== undefined) return await Bun.zstdDecompress(packed)
    throw new BrokerError('not_found', `app "${app}" has no version ${version}`, {
      fix: `pspf app versions ${app} lists those there are`,
    })
  }

  /** Durable and current when it resolves. */
  async add(deployment: Deployment, bundle: Uint8Array): Promise<void> {
    await this.#loaded()
    const { app, version } = deployment
    const packed = await packBundle(bundle)
    const old = (this.#apps.get(app)?.deployments ?? []).slice(0, -(deploymentLimits.versionsMax - 1))
    await this.#produce([
      ...old.flatMap((gone): [string, null][] => [
        [versionKey(app, gone.version), null],
        [codeKey(app, gone.version), null],
      ]),
      [codeKey(app, version), packed],
      [versionKey(app, version), encoder.encode(JSON.stringify(deployment))],
      [app, encoder.encode(JSON.stringify({ current: version }))],
    ])
  }

  async remove(app: string): Promise<void> {
    await this.#loaded()
    if (this.#apps.get(app)?.current != null) await this.#produce([[app, null]])
  }

  async #produce(entries: readonly (readonly [key: string, value: Uint8Array | null])[]): Promise<void> {
    if (!this.#exists()) await this.#create()
    const records = entries.map(([key, value]) => ({ key: encoder.encode(key), value }))
    await this.#broker.produce(deploymentsTopic, records, { internal: true })
    for (const [key, value] of entries) this.#take(key, value)
  }

  #exists(): boolean {
    return this.#broker.topics().some((topic) => topic.name === deploymentsTopic)
  }

  async #create(): Promise<void> {
    const config = { retentionMs: null, retentionBytes: null, cleanupPolicy: 'compact' } as const
    await this.#broker.createTopic({ name: deploymentsTopic, partitions: 1, config }, { internal: true })
  }

  #loaded(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  async #load(): Promise<void> {
    if (!this.#exists()) return
    const [partition] = this.#broker.topic(deploymentsTopic).partitions
    for (let next = partition!.startOffset; next < partition!.endOffset; ) {
      const request = { topic: deploymentsTopic, partition: 0, from: next, bytesMax: readBytesMax, waitMs: 0 }
      const { batches } = await this.#broker.fetch(request)
      if (batches.length === 0) return
      for (const { key, value, offset } of readRecords(batches, next)) {
        next = asOffset(offset + 1)
        if (key !== null) this.#take(decoder.decode(key), value === null ? null : value.slice())
      }
    }
  }

  #take(key: string, value: Uint8Array | null): void {
    const [, app = '', number, code] = /^([^@]+)(?:@(\d+)(\/code)?)?$/.exec(key) ?? []
    const kept = this.#apps.get(app) ?? { deployments: [], current: null, next: 1 }
    this.#apps.set(app, kept)
    if (code !== undefined) {
      if (value === null) this.#code.delete(key)
      else this.#code.set(key, value)
    } else if (number === undefined) {
      kept.current =
        value === null ? null : (JSON.parse(decoder.decode(value)) as { current: number }).current
    } else {
      const version = Number(number)
      kept.next = Math.max(kept.next, version + 1)
      kept.deployments = kept.deployments.filter((one) => one.version !== version)
      if (value !== null) kept.deployments.push(JSON.parse(decoder.decode(value)) as Deployment)
    }
  }
}

const versionKey = (app: string, version: number): string => `${app}@${version}`
const codeKey = (app: string, version: number): string => `${app}@${version}/code`

/** Throws `too_large` for what the log does not take as one record. */
export async function packBundle(bundle: Uint8Array): Promise<Uint8Array> {
  const { bundleSizeBytesMax, recordSizeBytesMax } = deploymentLimits
  const packed = bundle.length > bundleSizeBytesMax ? null : await Bun.zstdCompress(bundle, { level: 19 })
  if (packed !== null && packed.length <= recordSizeBytesMax) return new Uint8Array(packed)
  throw new BrokerError(
    'too_large',
    `the app with all it imports has ${bundle.length} bytes, which is too much`,
    {
      fix: `import less: at most ${bundleSizeBytesMax} bytes, ${recordSizeBytesMax} of them compressed`,
    },
  )
}
