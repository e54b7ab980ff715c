// What the node knows about itself, for /health, the probes and the pages that show them.
import { type Clock, type Disk, formatSize, toError } from '#base'
import type { Broker, DiskUse } from '#broker'
import type { Health, Probe } from '#http'
import type { LogGroup } from '#log'
import type { AppStatus } from '#streams'

export type FactSources = {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: LogGroup
  readonly broker: Broker
  readonly apps: { list(): readonly AppStatus[] }
  readonly dataDirectory: string
  readonly version: string
  readonly sockets: () => number
  readonly throughput: () => Health['throughput']
}

/** Below this share of the volume, or this much, the disk is called nearly full. */
const freeShareMin = 0.05
const freeBytesMin = 256 * 2 ** 20
/** Damaged places that a check names. */
const namedMax = 5

type Check = Health['checks'][number]

export class NodeHealth {
  readonly #sources: FactSources
  readonly #startedAt: number
  /** Requests are taken from here on, until the node drains. */
  accepting = false

  constructor(sources: FactSources) {
    this.#sources = sources
    this.#startedAt = sources.clock.monotonic()
  }

  /** `withNames`: of files and topics that are damaged. */
  health({ withNames }: { readonly withNames: boolean }): Health {
    const { broker, apps, version, sockets, throughput } = this.#sources
    const checks = this.#checks(withNames)
    const topics = broker.topics().filter(({ internal }) => !internal)
    const partitions = topics.flatMap((topic) => topic.partitions)
    const listed = apps.list()
    return {
      status: statusOf(checks),
      version,
      uptimeSeconds: Math.round((this.#sources.clock.monotonic() - this.#startedAt) / 1000),
      checks,
      connections: { websocket: sockets() },
      topics: {
        count: topics.length,
        records: partitions.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0),
        sizeBytes: partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      },
      apps: {
        count: listed.length,
        running: listed.filter((app) => app.state === 'running' && isWell(app)).length,
        failed: listed.filter((app) => app.state !== 'stopped' && !isWell(app)).length,
      },
      throughput: throughput(),
    }
  }

  /** A dead writer is for a restart to mend; a full disk or a failing app is not. */
  live(): Probe {
    const log = this.#logCheck(false)
    return log.status === 'fail'
      ? { status: 'failed', detail: log.detail }
      : { status: 'ok', detail: 'the log accepts appends' }
  }

  ready(): Probe {
    return this.accepting ? this.live() : { status: 'failed', detail: 'starting or stopping' }
  }

  started(): Probe {
    return { status: 'ok', detail: 'recovery is done' }
  }

  #checks(withNames: boolean): Check[] {
    return [
      this.#logCheck(withNames),
      this.#recoveryCheck(withNames),
      this.#diskCheck(withNames),
      this.#appsCheck(),
    ]
  }

  #logCheck(withNames: boolean): Check {
    const { log } = this.#sources
    if (log.state === 'open') return { name: 'log', status: 'pass', detail: 'appends are accepted' }
    const why = log.failure && withNames ? `: ${log.failure.message}` : ''
    return {
      name: 'log',
      status: 'fail',
      detail: `the log is ${log.state}${why}; reads go on; restart pspf after the disk is mended`,
    }
  }

  /** What recovery set aside, and what reads, the scrubber and recovery met since. */
  #recoveryCheck(withNames: boolean): Check {
    const { report, damages } = this.#sources.log
    const parts = [
      ...report.quarantined.map(
        ({ topic, partition, reason }) => `${topic}-${partition} is quarantined (${reason})`,
      ),
      ...damages.map(({ path, position, why }) => `${path} is damaged at byte ${position} (${why})`),
    ]
    if (parts.length === 0) return { name: 'recovery', status: 'pass', detail: 'no damage was found' }
    if (!withNames) {
      const places = parts.length === 1 ? '1 place is damaged' : `${parts.length} places are damaged`
      return {
        name: 'recovery',
        status: 'warn',
        detail: `${places}; the rest is served; see /api/v1/diagnostics`,
      }
    }
    const more = parts.length > namedMax ? `; ${parts.length - namedMax} more` : ''
    const detail = `${parts.slice(0, namedMax).join('; ')}${more}; the rest is served; see pspfctl log verify`
    return { name: 'recovery', status: 'warn', detail }
  }

  #diskCheck(withNames: boolean): Check {
    const { disk, dataDirectory } = this.#sources
    const space = spaceOf(disk, dataDirectory)
    if (space instanceof Error) {
      const why = withNames ? `: ${space.message}` : ''
      return { name: 'disk', status: 'fail', detail: `the data directory cannot be found${why}` }
    }
    const { freeBytes, totalBytes } = space
    const free = `${Math.round(freeBytes / 2 ** 20)} MB of ${Math.round(totalBytes / 2 ** 20)} MB free`
    const early = earlyTrims(this.#sources.broker.diskUse())
    if (early !== null) return { name: 'disk', status: 'warn', detail: `${free}; ${early}` }
    const isLow = freeBytes < Math.max(freeBytesMin, totalBytes * freeShareMin)
    return {
      name: 'disk',
      status: isLow ? 'warn' : 'pass',
      detail: isLow ? `${free}: shorten retention or add space` : free,
    }
  }

  /** Told without a token, so without names and errors of apps. */
  #appsCheck(): Check {
    const apps = this.#sources.apps.list()
    const ill = apps.filter((app) => !isWell(app)).length
    if (ill > 0) {
      const detail = `${ill} of ${apps.length} apps ${ill === 1 ? 'does' : 'do'} not run: see /api/v1/apps`
      return { name: 'apps', status: 'warn', detail }
    }
    if (apps.length === 0) return { name: 'apps', status: 'pass', detail: 'no apps' }
    const count = (wanted: AppStatus['state']) => apps.filter(({ state }) => state === wanted).length
    const others = (['paused', 'starting'] as const)
      .filter((state) => count(state) > 0)
      .map((state) => `, ${count(state)} ${state}`)
    const detail = `${count('running')} of ${apps.length} apps run${others.join('')}`
    return { name: 'apps', status: 'pass', detail }
  }
}

/** What the most that the log may have has cost, told without names; null: nothing. */
function earlyTrims({ usedBytes, maxBytes, isFull, trimmed }: DiskUse): string | null {
  if (maxBytes === null || (!isFull && trimmed === null)) return null
  const share = `the log has ${formatSize(usedBytes)} of the ${formatSize(maxBytes)} of --disk-max`
  if (isFull) {
    return `${share}, and nothing is left to trim: records are refused; delete topics or raise --disk-max`
  }
  const upTo = new Date(trimmed!.appendedUpTo).toISOString()
  return `${share}: ${formatSize(trimmed!.bytes)}, appended up to ${upTo}, were deleted before their time`
}

function spaceOf(disk: Disk, directory: string): { freeBytes: number; totalBytes: number } | Error {
  try {
    return disk.space(directory)
  } catch (thrown) {
    return toError(thrown)
  }
}

/** A running app with an error hangs; one that starts again has yet to show that it can. */
function isWell({ state, error, restarts }: AppStatus): boolean {
  if (state === 'starting') return error === null && restarts === 0
  return state === 'paused' || (state === 'running' && error === null)
}

function statusOf(checks: readonly Check[]): Health['status'] {
  if (checks.some(({ status }) => status === 'fail')) return 'down'
  return checks.some(({ status }) => status === 'warn') ? 'degraded' : 'ok'
}
