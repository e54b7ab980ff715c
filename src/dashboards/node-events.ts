// What happened lately, in sentences: topics and apps that came, went or failed, and how the last start went. Found by
// comparing what is with what was.
import type { TopicInfo } from '#broker'
import type { AppState, AppStatus } from '#streams'
import type { Overview } from './live.ts'

export type NodeEvent = Overview['events'][number]
/** What recovery found at the last start. */
export type RecoveryFacts = {
  readonly clean: boolean
  readonly framesReplayed: number
  readonly bytesCut: number
  readonly quarantined: readonly {
    readonly topic: string
    readonly partition: number
    readonly reason: string
  }[]
  readonly tookMs: number
  readonly partitions: number
}

export const eventsMax = 50
/** Changes told one by one; of more at once only the number. */
const toldMax = 5

export class NodeEvents {
  /** Newest first. */
  #events: NodeEvent[] = []
  #topics: ReadonlyMap<string, string> | null = null
  #apps: ReadonlyMap<string, { state: AppState; restarts: number }> | null = null

  list(): NodeEvent[] {
    return [...this.#events]
  }

  add(event: NodeEvent): void {
    this.#events.unshift(event)
    this.#events.length = Math.min(this.#events.length, eventsMax)
  }

  started(at: number, recovery: RecoveryFacts | null): void {
    if (!recovery) return
    this.add({ at, level: 'info', text: startSentence(recovery) })
    if (recovery.bytesCut > 0) {
      this.add({
        at,
        level: 'info',
        text: `Cut ${recovery.bytesCut} bytes of an unfinished, never acknowledged write.`,
      })
    }
    for (const { topic, partition, reason } of recovery.quarantined.slice(0, toldMax)) {
      this.add({ at, level: 'error', text: `Partition ${partition} of "${topic}" is set aside: ${reason}` })
    }
  }

  /** The first look only remembers. */
  lookAtTopics(at: number, topics: readonly TopicInfo[]): void {
    const now = new Map(topics.filter(({ internal }) => !internal).map(({ id, name }) => [id, name]))
    if (this.#topics) {
      const before = this.#topics
      this.#tell(
        at,
        'created',
        [...now].flatMap(([id, name]) => (before.has(id) ? [] : [name])),
      )
      this.#tell(
        at,
        'deleted',
        [...before].flatMap(([id, name]) => (now.has(id) ? [] : [name])),
      )
    }
    this.#topics = now
  }

  lookAtApps(at: number, apps: readonly AppStatus[]): void {
    for (const { id, state, restarts, error } of this.#apps ? apps : []) {
      const before = this.#apps?.get(id)
      if (before?.state !== state) this.#tellApp(at, id, state, error?.message)
      else if (before.restarts < restarts)
        this.add({ at, level: 'warn', text: `App "${id}" was started again.` })
    }
    this.#apps = new Map(apps.map(({ id, state, restarts }) => [id, { state, restarts }]))
  }

  #tell(at: number, what: 'created' | 'deleted', names: readonly string[]): void {
    if (names.length > toldMax) this.add({ at, level: 'info', text: `${names.length} topics were ${what}.` })
    else for (const name of names) this.add({ at, level: 'info', text: `Topic "${name}" was ${what}.` })
  }

  #tellApp(at: number, id: string, state: AppState, error: string | undefined): void {
    const why = error === undefined ? '.' : `: ${error.split('\n', 1)[0]!.slice(0, 200)}`
    const told = sentences[state]
    if (told)
      this.add({
        at,
        level: told.level,
        text: `App "${id}" ${told.text}${told.level === 'info' ? '.' : why}`,
      })
  }
}

/** `starting` is not told: `running` or a failure follows at once. */
const sentences: Record<AppState, { level: NodeEvent['level']; text: string } | null> = {
  starting: null,
  running: { level: 'info', text: 'runs' },
  paused: { level: 'info', text: 'was paused' },
  'backing-off': { level: 'warn', text: 'stopped and will be started again' },
  failed: { level: 'error', text: 'failed' },
  stopped: { level: 'info', text: 'stopped' },
}

function startSentence({ clean, partitions, framesReplayed, quarantined, tookMs }: RecoveryFacts): string {
  if (clean)
    return partitions === 0 ? 'Started for the first time, with an empty log.' : 'Started after a clean stop.'
  const replayed =
    framesReplayed === 0
      ? 'nothing to replay'
      : `${framesReplayed} writes replayed in ${Math.round(tookMs)} ms`
  return `Started after a crash: ${replayed}${quarantined.length === 0 ? '; nothing acknowledged is lost' : ''}.`
}
