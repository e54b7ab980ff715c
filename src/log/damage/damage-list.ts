// Damage that was met since the start, by whoever met it: a read, the scrubber, recovery. Each place is told once.
import { BrokerError, type Logger, type Metrics } from '#base'
import type { Damage } from '../api.ts'

export const damageFix = 'restore a backup, or accept the loss: pspfctl log repair'

/** More than this are counted, not listed: a dying disk must not fill the memory too. */
const listedMax = 100

export class DamageList {
  readonly #logger: Logger
  readonly #listed = new Map<string, Damage>()
  readonly #paths = new Set<string>()

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    const gauge = metrics.gauge(
      'pspf_log_damaged_files',
      'Files of the log in which damage was met since the start',
    )
    metrics.collect(() => gauge.set(this.#paths.size))
  }

  get list(): readonly Damage[] {
    return [...this.#listed.values()]
  }

  note(damage: Damage): void {
    const place = `${damage.path}:${damage.position}`
    if (this.#listed.has(place) || this.#listed.size >= listedMax) return
    this.#listed.set(place, damage)
    this.#paths.add(damage.path)
    this.#logger.error(damage, 'damage: what lies there is refused, the rest is served')
  }
}

/** What is wrong at one byte of one file, as an error for whoever wanted it. */
export function damageError({ path, position, why }: Damage): BrokerError {
  return new BrokerError('corrupt', `${path} is damaged at byte ${position}: ${why}`, {
    fix: damageFix,
    details: { path, position, why },
  })
}
