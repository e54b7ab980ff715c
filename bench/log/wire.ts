// A socket for text protocols that pipeline: what is written in one turn goes out together, what comes in is handed on as
// text with what was left of it before.

export type Wire = {
  write(bytes: Uint8Array): void
  close(): void
}

const chunkBytes = 256 * 1024

/** `receive` gets the text so far and answers what of it is not complete yet. */
export async function openWire(port: number, receive: (text: string) => string): Promise<Wire> {
  let text = ''
  let queue: Uint8Array[] = []
  let scheduled = false
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(_socket, chunk) {
        text = receive(text + chunk.toString('latin1'))
      },
      drain: () => flush(),
    },
  })
  const flush = () => {
    while (queue.length > 0) {
      const bytes = nextChunk()
      const sent = socket.write(bytes)
      if (sent === bytes.length) continue
      queue.unshift(bytes.subarray(Math.max(sent, 0)))
      return
    }
  }
  const nextChunk = () => {
    let count = 1
    for (let size = queue[0]!.length; count < queue.length && size < chunkBytes; count++)
      size += queue[count]!.length
    const parts = queue.slice(0, count)
    queue = queue.slice(count)
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }
  return {
    write(bytes) {
      queue.push(bytes)
      if (scheduled) return
      scheduled = true
      queueMicrotask(() => {
        scheduled = false
        flush()
      })
    },
    close: () => void socket.end(),
  }
}
