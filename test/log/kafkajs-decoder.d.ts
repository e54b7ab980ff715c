// The part of kafkajs that decodes record batches; the package has types for its public face alone.
declare module 'kafkajs/src/protocol/decoder' {
  export default class Decoder {
    constructor(bytes: Uint8Array)
    canReadBytes(count: number): boolean
  }
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder' {
  import type Decoder from 'kafkajs/src/protocol/decoder'
  export type ForeignRecord = {
    readonly offset: string
    readonly timestamp: string
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: Readonly<Record<string, Buffer | Buffer[]>>
  }
  export type ForeignBatch = {
    readonly firstOffset: string
    readonly lastOffsetDelta: number
    readonly records: readonly ForeignRecord[]
  }
  export default function decodeBatch(from: Decoder): Promise<ForeignBatch>
}
