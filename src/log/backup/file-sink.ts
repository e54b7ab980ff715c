// Takes the bytes of one file in order.

export type FileSink = {
  write(bytes: Uint8Array): Promise<void>
  /** All bytes came: resolves when they are durable, or will be with the whole. */
  end(): Promise<void>
  /** Lets go of it after a failure. */
  abandon(): void
}
