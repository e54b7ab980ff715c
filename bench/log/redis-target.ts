// Redis Streams through its own protocol: one stream a partition, appends pipelined over a few connections.
import type { Shape } from './shape.ts'
import { letters, type Target } from './target.ts'
import { openWire, type Wire } from './wire.ts'

export const connectionsMax = 8
/** Streams live in memory: kept to this size, all partitions together. */
const keptBytes = 2 ** 30

type Waiter = { missing: number; failure: string; resolve(): void; reject(error: Error): void }

export async function redisTarget(port: number, shape: Shape): Promise<Target> {
  const commands = Array.from({ length: shape.partitions }, (_, partition) => addCommand(partition, shape))
  const lanes: { wire: Wire; waiters: Waiter[] }[] = []
  for (let index = 0; index < Math.min(connectionsMax, shape.inFlight); index++) {
    const waiters: Waiter[] = []
    lanes.push({ wire: await openWire(port, (text) => takeAnswers(text, waiters)), waiters })
  }
  let turn = 0
  return {
    append: (partition) =>
      new Promise<void>((resolve, reject) => {
        const { wire, waiters } = lanes[turn++ % lanes.length]!
        waiters.push({ missing: shape.records, failure: '', resolve, reject })
        wire.write(commands[partition]!)
      }),
    close() {
      for (const { wire } of lanes) wire.close()
    },
  }
}

function addCommand(partition: number, { bytes, records, partitions }: Shape): Uint8Array {
  const kept = String(Math.ceil(keptBytes / partitions / bytes))
  const parts = ['XADD', `bench-${partition}`, 'MAXLEN', '~', kept, '*', 'v', letters(bytes)]
  const command = `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`
  return Buffer.from(command.repeat(records))
}

/** `$15\r\n1700000000000-0\r\n` is a success, `-ERR ...\r\n` is none. */
function takeAnswers(text: string, waiters: Waiter[]): string {
  let at = 0
  for (;;) {
    const line = text.indexOf('\r\n', at)
    if (line < 0) break
    const isBulk = text[at] === '$'
    const end = isBulk ? line + 2 + Number(text.slice(at + 1, line)) + 2 : line + 2
    if (end > text.length) break
    const waiter = waiters[0]!
    if (text[at] === '-') waiter.failure = text.slice(at + 1, line)
    if (--waiter.missing === 0) {
      waiters.shift()
      if (waiter.failure === '') waiter.resolve()
      else waiter.reject(new Error(waiter.failure))
    }
    at = end
  }
  return text.slice(at)
}
