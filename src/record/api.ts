// The vocabulary of records, used on the wire, on disk and in memory.

export type Header = { readonly key: string; readonly value: Uint8Array | null }

/** What a producer gives. `timestamp` is event time in milliseconds UTC. */
export type RecordInput = {
  readonly key: Uint8Array | null
  /** null is a tombstone. */
  readonly value: Uint8Array | null
  readonly headers?: readonly Header[]
  readonly timestamp: number
}

/** What a reader sees. `key` and `value` are views into the batch (or its decompressed copy): copy them to keep them. */
export type RecordView = {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

export type Compression = 'none' | 'gzip' | 'zstd'
