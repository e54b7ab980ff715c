// A widget as a channel's source: its view, fed from the topic that is its history. What the view shows at sequence N is
// the fold of every record up to there, whether it came from the past or just now.
import { BrokerError, type Clock, type Logger, type Timer } from '#base'
import type { Broker, TopicInfo } from '#broker'
import type { WidgetData, WidgetSpec } from './api.ts'
import type { ChannelSource, SourceEvents } from './channel-source.ts'
import type { LiveLimits } from './limits.ts'
import { decideStarts, TopicReader } from './topic-reader.ts'
import { widgetRecord } from './widget-record.ts'
import { type WidgetView, widgetView } from './widget-view.ts'

export type WidgetSourceOptions = {
  readonly broker: Pick<Broker, 'fetch' | 'topic'>
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: LiveLimits
  readonly spec: WidgetSpec
}

/** Epoch of a widget whose topic does not exist yet. */
export const noTopicEpoch = '-'

type Shown = { readonly view: WidgetView; readonly reader: TopicReader | null; readonly epoch: string }

export class WidgetSource implements ChannelSource {
  readonly #options: WidgetSourceOptions
  #events: SourceEvents | null = null
  #shown: Shown | null = null
  /** Reads the history of the next generation, while the last one is still shown. */
  #reader: TopicReader | null = null
  #retry: Timer | null = null
  #generation = 0

  constructor(options: WidgetSourceOptions) {
    this.#options = options
  }

  get epoch(): string | null {
    return this.#shown?.epoch ?? null
  }
  get seq(): number {
    return this.#shown?.reader?.seq ?? 0
  }
  get generation(): number {
    return this.#generation
  }

  start(events: SourceEvents): void {
    this.#events = events
    this.#open()
  }

  stop(): void {
    this.#events = null
    this.#reader?.stop()
    this.#retry?.cancel()
  }

  snapshot(): WidgetData {
    return (this.#shown?.view ?? widgetView(this.#options.spec)).snapshot()
  }

  takeDelta(): WidgetData | null {
    return this.#shown?.view.takeDelta() ?? null
  }

  #open(): void {
    const { broker, spec } = this.#options
    const topic = topicIfAny(broker, spec.topic)
    if (!topic) {
      // Empty and polite until the app has made its topic.
      if (this.#shown?.epoch !== noTopicEpoch)
        this.#show({ view: widgetView(spec), reader: null, epoch: noTopicEpoch })
      this.#openLater()
      return
    }
    this.#reader = this.#read(topic)
    this.#reader.start()
  }

  /** A view of its own and the reader that feeds it; shown from the moment it has read the topic's past. */
  #read(topic: TopicInfo): TopicReader {
    const { broker, clock, logger, limits, spec } = this.#options
    const view = widgetView(spec)
    let changed = false
    const reader = new TopicReader(
      {
        ...{ broker, clock, logger, limits, topic },
        starts: decideStarts(topic, limits.historyRecordsMax),
        pauseMs: limits.readPauseMs,
        behindMax: 2 * limits.historyRecordsMax,
        whenBehind: 'lose',
      },
      {
        read: (partition, records) => {
          for (const record of records) changed = view.fold(widgetRecord(partition, record)) || changed
        },
        skipped: () => undefined,
        moved: () => {
          if (changed && this.#shown?.reader === reader) this.#events?.changed()
          changed = false
        },
        caughtUp: () => this.#show({ view, reader, epoch: topic.id }),
        failed: (error) => this.#events?.failed(error),
        lost: (why) => {
          logger.info({ widget: spec.id, topic: spec.topic, why }, 'a widget reads its history anew')
          this.#openLater()
        },
      },
    )
    return reader
  }

  #openLater(): void {
    if (!this.#events) return
    this.#retry = this.#options.clock.after(this.#options.limits.retryMs, () => this.#open())
  }

  #show(shown: Shown): void {
    this.#shown = shown
    this.#generation++
    this.#events?.changed()
  }
}

function topicIfAny(broker: Pick<Broker, 'topic'>, name: string): TopicInfo | null {
  try {
    return broker.topic(name)
  } catch (thrown) {
    if (thrown instanceof BrokerError && thrown.code === 'not_found') return null
    throw thrown
  }
}
