// Is everything well, and if not, what is not: one sentence with reasons, decided from facts.
import { formatDuration, formatSize } from '#base'
import type { AppStatus } from '#streams'
import type { Overview, OverviewPoint } from './live.ts'

export type VerdictFacts = {
  readonly logState: 'open' | 'failed' | 'closed'
  readonly quarantined: number
  readonly apps: readonly Pick<AppStatus, 'id' | 'state' | 'error'>[]
  readonly disk: Overview['disk']
  readonly points: readonly OverviewPoint[]
}

type Reason = { readonly status: 'degraded' | 'down'; readonly text: string }

const daySeconds = 86_400
const diskSharesLow = 0.05
const diskBytesLow = 1024 ** 3
/** Lag counts as growing only above this, and if it grew over the whole of the last minute. */
const lagMin = 1_000
const lagSeconds = 60

/** @example 'App "rides" failed: cannot read x. Disk is full in 5h at this pace.' */
export function decideVerdict(facts: VerdictFacts): Overview['verdict'] {
  const reasons = [
    ...logReasons(facts),
    ...facts.apps.flatMap(appReason),
    ...diskReasons(facts.disk),
    ...lagReason(facts),
  ]
  if (reasons.length === 0) return { status: 'ok', text: well(facts) }
  const status = reasons.some((reason) => reason.status === 'down') ? 'down' : 'degraded'
  const shown = reasons.slice(0, 3).map(({ text }) => text)
  if (reasons.length > shown.length) shown.push(`${reasons.length - shown.length} more problems.`)
  return { status, text: shown.join(' ') }
}

function well({ apps, points, disk }: VerdictFacts): string {
  const rate = points.at(-1)?.recordsInPerSecond ?? 0
  const running = apps.filter(({ state }) => state === 'running').length
  const parts = [
    rate >= 1
      ? `${Math.round(rate).toLocaleString('en-US')} records a second come in`
      : 'no records come in at the moment',
    ...(running > 0 ? [`${running === 1 ? 'one app runs' : `${running} apps run`}`] : []),
    ...(disk.fullInSeconds === null ? [] : [`the disk lasts ${formatDuration(disk.fullInSeconds * 1000)}`]),
  ]
  return `All is well: ${parts.join(', ')}.`
}

function logReasons({ logState, quarantined }: VerdictFacts): Reason[] {
  const reasons: Reason[] = []
  if (logState === 'failed') {
    reasons.push({
      status: 'down',
      text: 'The log refuses writes since the disk failed one: check the disk, then restart.',
    })
  }
  if (logState === 'closed') reasons.push({ status: 'down', text: 'The log is closed.' })
  if (quarantined > 0) {
    const what = quarantined === 1 ? 'One partition is' : `${quarantined} partitions are`
    reasons.push({ status: 'degraded', text: `${what} damaged and set aside.` })
  }
  return reasons
}

function appReason({ id, state, error }: VerdictFacts['apps'][number]): Reason[] {
  const why = error ? `: ${firstLine(error.message)}` : ''
  if (state === 'failed') return [{ status: 'degraded', text: `App "${id}" failed${why}.` }]
  if (state === 'backing-off')
    return [{ status: 'degraded', text: `App "${id}" waits to be started again${why}.` }]
  // The state that it told last, of a process that has been silent since.
  if (state === 'running' && error)
    return [{ status: 'degraded', text: `App "${id}" does not answer${why}.` }]
  return []
}

function diskReasons({ freeBytes, totalBytes, fullInSeconds }: Overview['disk']): Reason[] {
  if (totalBytes > 0 && freeBytes < Math.min(diskBytesLow, totalBytes * diskSharesLow)) {
    return [{ status: 'degraded', text: `Only ${formatSize(freeBytes)} of disk are left.` }]
  }
  if (fullInSeconds === null || fullInSeconds > daySeconds) return []
  return [
    { status: 'degraded', text: `The disk is full in ${formatDuration(fullInSeconds * 1000)} at this pace.` },
  ]
}

function lagReason({ points }: VerdictFacts): Reason[] {
  const last = points.slice(-lagSeconds)
  if (last.length < lagSeconds) return []
  const half = last[lagSeconds >> 1]!.lag
  const grows = last[0]!.lag < half && half < last.at(-1)!.lag
  if (!grows || last.at(-1)!.lag < lagMin) return []
  return [
    {
      status: 'degraded',
      text: `Readers fall behind: ${last.at(-1)!.lag.toLocaleString('en-US')} records wait.`,
    },
  ]
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0]!.trim().replace(/\.$/, '')
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}

/** Growth over less than this says nothing about a disk. */
const runwaySpanMsMin = 60_000

/** Seconds until the volume is full at the pace of the log's growth; null while it does not grow or nobody knows yet. */
export function decideRunway(
  freeBytes: number,
  sizes: readonly { readonly at: number; readonly logBytes: number }[],
): number | null {
  const first = sizes[0]
  const last = sizes.at(-1)
  if (!first || !last || last.at - first.at < runwaySpanMsMin) return null
  const bytesPerSecond = ((last.logBytes - first.logBytes) * 1000) / (last.at - first.at)
  if (bytesPerSecond < 1) return null
  return Math.round(freeBytes / bytesPerSecond)
}
