// The part of kafkajs that decodes record batches; the package has types for its public face alone.
declare module 'kafkajs/src/protocol/decoder' {
  class Decoder {
    constructor(bytes: Uint8Array)
    canReadBytes(count: number): boolean
  }

  export { Decoder as default }
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
  function decodeBatch(from: Decoder): Promise<ForeignBatch>

  export { decodeBatch as default }
}
