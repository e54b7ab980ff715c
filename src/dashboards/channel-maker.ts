// From a channel's name to what stands behind it:
//   widget/<id>   tail/<topic>   overview   topics   apps   dashboards
import { BrokerError, type Clock, type Logger } from '#base'
import type { Broker } from '#broker'
import type { AppStatus } from '#streams'
import type { ChannelSource } from './channel-source.ts'
import type { DashboardRegistry } from './dashboard-registry.ts'
import type { LiveLimits } from './limits.ts'
import { ListSource, type ListSourceOptions } from './list-source.ts'
import { TailSource } from './tail-source.ts'
import { topicSummaries } from './topic-summary.ts'
import type { TrafficRates } from './traffic-rates.ts'
import { WidgetSource } from './widget-source.ts'

export type ChannelMakerOptions = {
  readonly broker: Pick<Broker, 'fetch' | 'topic' | 'topics'>
  readonly apps: { list(): readonly AppStatus[]; onChange(listener: () => void): () => void }
  readonly dashboards: DashboardRegistry
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: LiveLimits
  readonly rates: TrafficRates
  readonly overview: ChannelSource
  /** Differs from run to run. */
  readonly run: string
}

const listEveryMs = 1_000
const widgetPrefix = 'widget/'
const tailPrefix = 'tail/'

export class ChannelMaker {
  readonly #options: ChannelMakerOptions
  /** Definition that a watched widget was made from, as text. */
  readonly #definitions = new Map<string, string>()
  #lists = 0

  constructor(options: ChannelMakerOptions) {
    this.#options = options
  }

  /** Throws `not_found` for a name that stands for nothing. */
  source(name: string): ChannelSource {
    const { broker, clock, logger, limits, overview } = this.#options
    if (name === 'overview') return overview
    const list = this.#listNamed(name)
    if (list)
      return new ListSource({
        clock,
        epoch: `${this.#options.run}.${this.#lists++}`,
        everyMs: listEveryMs,
        ...list,
      })
    if (name.startsWith(tailPrefix)) {
      const topic = name.slice(tailPrefix.length)
      broker.topic(topic)
      return new TailSource({ broker, clock, logger, limits, topic })
    }
    const spec = this.#options.dashboards.widget(name.slice(widgetPrefix.length))
    if (!name.startsWith(widgetPrefix) || !spec) throw this.unknown(name)
    this.#definitions.set(name, JSON.stringify(spec))
    return new WidgetSource({ broker, clock, logger, limits, spec })
  }

  /** After dashboards changed: what is to stand behind a channel now. */
  changeOf(name: string): 'same' | 'gone' | ChannelSource {
    if (!name.startsWith(widgetPrefix)) return 'same'
    const spec = this.#options.dashboards.widget(name.slice(widgetPrefix.length))
    if (!spec) {
      this.#definitions.delete(name)
      return 'gone'
    }
    return JSON.stringify(spec) === this.#definitions.get(name) ? 'same' : this.source(name)
  }

  /** A widget that no app declares, so far. */
  mayComeLater(name: string): boolean {
    return name.startsWith(widgetPrefix) && !this.#options.dashboards.widget(name.slice(widgetPrefix.length))
  }

  unknown(name: string): BrokerError {
    if (!name.startsWith(widgetPrefix)) {
      return new BrokerError('not_found', `there is no channel "${name}"`, {
        fix: 'channels are widget/<id>, tail/<topic>, overview, topics, apps and dashboards',
      })
    }
    return new BrokerError('not_found', `there is no widget "${name.slice(widgetPrefix.length)}"`, {
      fix: 'GET /api/v1/dashboards lists those there are',
    })
  }

  #listNamed(name: string): Pick<ListSourceOptions, 'read' | 'onChange'> | null {
    const { broker, apps, dashboards, rates, limits } = this.#options
    switch (name) {
      case 'topics':
        return { read: () => ({ kind: 'topics', ...topicSummaries(broker, rates, limits.topicsListedMax) }) }
      case 'apps':
        return {
          read: () => ({ kind: 'apps', apps: [...apps.list()] }),
          onChange: (listener) => apps.onChange(listener),
        }
      case 'dashboards':
        return {
          read: () => ({ kind: 'dashboards', dashboards: dashboards.list() }),
          onChange: (listener) => dashboards.onChange(listener),
        }
      default:
        return null
    }
  }
}
