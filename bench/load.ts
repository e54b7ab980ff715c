// The load generator, a process of its own (so that it can sit on a core of its own). Prints one JSON line.
//   bun bench/load.ts '{"target":"pspf","port":7070,"name":"t","inFlight":64,"records":1,"bytes":1024,"seconds":10}'
// With `perSecond` it is an open loop: requests are due at fixed times, and latency counts from when they were due.
import { type Connection, httpConnection, redisConnection } from './connection.ts'
import { Histogram, type Latency } from './histogram.ts'

export type LoadPlan = {
  target: 'pspf' | 'redis'
  port: number
  name: string
  inFlight: number
  records: number
  bytes: number
  seconds: number
  /** Requests per second of an open loop; without it each connection asks again as soon as it is answered. */
  perSecond?: number
}
export type LoadResult = { recordsPerSecond: number; failed: number; latency: Latency }

const warmUpSeconds = 1

async function run(plan: LoadPlan): Promise<LoadResult> {
  const open = plan.target === 'pspf' ? httpConnection : redisConnection
  const connections = await Promise.all(
    Array.from({ length: plan.inFlight }, () => open(plan.port, plan.name, plan)),
  )
  const histogram = new Histogram()
  let failed = 0
  const began = performance.now()
  const measureFrom = began + warmUpSeconds * 1000
  const end = measureFrom + plan.seconds * 1000
  const note = (dueAt: number, ok: boolean) => {
    const now = performance.now()
    if (!ok) failed++
    else if (dueAt >= measureFrom && now <= end) histogram.add(now - dueAt)
  }
  await (plan.perSecond
    ? openLoop(connections, plan.perSecond, end, note)
    : closedLoop(connections, end, note))
  for (const connection of connections) connection.close()
  return {
    recordsPerSecond: (histogram.count * plan.records) / plan.seconds,
    failed,
    latency: histogram.summary(),
  }
}

function closedLoop(
  connections: Connection[],
  end: number,
  note: (dueAt: number, ok: boolean) => void,
): Promise<unknown> {
  const loop = (connection: Connection) =>
    new Promise<void>((resolve) => {
      const ask = () => {
        const startedAt = performance.now()
        if (startedAt >= end) return resolve()
        connection.request((ok) => {
          note(startedAt, ok)
          ask()
        })
      }
      ask()
    })
  return Promise.all(connections.map(loop))
}

async function openLoop(
  connections: Connection[],
  perSecond: number,
  end: number,
  note: (dueAt: number, ok: boolean) => void,
): Promise<void> {
  const idle = [...connections]
  const due: number[] = []
  const began = performance.now()
  let scheduled = 0
  const dispatch = () => {
    while (due.length > 0 && idle.length > 0) {
      const dueAt = due.shift()!
      const connection = idle.pop()!
      connection.request((ok) => {
        note(dueAt, ok)
        idle.push(connection)
        dispatch()
      })
    }
  }
  while (performance.now() < end) {
    for (const now = performance.now(); began + (scheduled * 1000) / perSecond <= now; scheduled++)
      due.push(began + (scheduled * 1000) / perSecond)
    dispatch()
    await Bun.sleep(0.5)
  }
  while (idle.length < connections.length) await Bun.sleep(5)
}

if (import.meta.main) console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as LoadPlan)))
