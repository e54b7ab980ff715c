// The load on one subject, a process of its own. Prints one JSON line.
//   bun bench/log/load.ts '{"subject":"log","directory":"/tmp/x","bytes":1024,"inFlight":256,...}'
import { readFileSync } from 'node:fs'
import { Histogram } from '../histogram.ts'
import { deviceWrittenBytes } from '../servers.ts'
import { httpTarget } from './http-target.ts'
import { logTarget, rawTarget, sqliteTarget } from './in-process.ts'
import { natsTarget } from './nats-target.ts'
import { redisTarget } from './redis-target.ts'
import type { LoadPlan, LoadResult } from './shape.ts'
import type { Target } from './target.ts'

const warmUpMs = 500

function openTarget(plan: LoadPlan): Target | Promise<Target> {
  switch (plan.subject) {
    case 'log':
      return logTarget(plan.directory, plan)
    case 'raw':
      return rawTarget(plan.directory, plan)
    case 'sqlite':
      return sqliteTarget(plan.directory, plan)
    case 'redis':
    case 'redis-weak':
      return redisTarget(plan.port, plan)
    case 'nats':
    case 'nats-weak':
      return natsTarget(plan.port, plan)
    case 'http':
      return httpTarget(plan.port, plan)
  }
}

function peakMegabytes(): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024
}

/** What was asked and answered so far. */
class Tally {
  readonly latency = new Histogram()
  readonly measureFrom = performance.now() + warmUpMs
  readonly end: number
  appends = 0
  failed = 0

  constructor(seconds: number) {
    this.end = this.measureFrom + seconds * 1000
  }

  async append(target: Target, partition: number, dueAt: number): Promise<void> {
    try {
      await target.append(partition)
      const now = performance.now()
      if (dueAt >= this.measureFrom && now <= this.end) this.latency.add(now - dueAt)
      this.appends++
    } catch (thrown) {
      if (this.failed++ === 0) console.error(String(thrown))
    }
  }
}

function closedLoop(target: Target, plan: LoadPlan, tally: Tally): Promise<unknown> {
  const lane = async (index: number) => {
    for (let turn = index; tally.failed === 0; turn++) {
      const startedAt = performance.now()
      if (startedAt >= tally.end) return
      await tally.append(target, turn % plan.partitions, startedAt)
    }
  }
  return Promise.all(Array.from({ length: plan.inFlight }, (_, index) => lane(index)))
}

/** Appends are due at fixed times, whoever is late; latency counts from then. */
async function openLoop(target: Target, plan: LoadPlan, tally: Tally): Promise<void> {
  const began = performance.now()
  let turn = 0
  let free = plan.inFlight
  // On every answer too: a subject that works on this thread leaves timers little room.
  const dispatch = () => {
    for (const now = Math.min(performance.now(), tally.end); free > 0 && tally.failed === 0; turn++) {
      const dueAt = began + (turn * 1000) / plan.perSecond
      if (dueAt > now) return
      free--
      void tally.append(target, turn % plan.partitions, dueAt).finally(() => {
        free++
        dispatch()
      })
    }
  }
  while (performance.now() < tally.end && tally.failed === 0) {
    dispatch()
    await Bun.sleep(0.2)
  }
  while (free < plan.inFlight) await Bun.sleep(5)
}

async function run(plan: LoadPlan): Promise<LoadResult> {
  const target = await openTarget(plan)
  const cpu = process.cpuUsage()
  const written = deviceWrittenBytes(plan.directory)
  const tally = new Tally(plan.seconds)
  await (plan.perSecond > 0 ? openLoop(target, plan, tally) : closedLoop(target, plan, tally))
  const { user, system } = process.cpuUsage(cpu)
  const result: LoadResult = {
    recordsPerSecond: (tally.latency.count * plan.records) / plan.seconds,
    failed: tally.failed,
    latency: tally.latency.summary(),
    cpuSeconds: (user + system) / 1e6,
    writtenBytes: deviceWrittenBytes(plan.directory) - written,
    peakMegabytes: peakMegabytes(),
    records: tally.appends * plan.records,
  }
  await target.close()
  return result
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as LoadPlan)))
  process.exit(0)
}
