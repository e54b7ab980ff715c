// How a view says that some of what it read could not be shown.
import type { WidgetFaults } from './api.ts'
import { shortText } from './widget-record.ts'

/** Counts what could not be shown and remembers the last case, so that the widget can say why it looks odd. */
export class FaultCount {
  #count = 0
  #last = ''
  #taken = 0

  /** @example faults.add('delay', 'soon') // delay is "soon", not a number */
  add(field: string, value: unknown, wanted = 'a number'): void {
    this.note(value === undefined ? `${field} is missing` : `${field} is ${quoted(value)}, not ${wanted}`)
  }

  note(sentence: string): void {
    this.#count++
    this.#last = sentence
  }

  /** For a snapshot: `{ faults }` if there are any. */
  all(): { faults?: WidgetFaults } {
    return this.#count === 0 ? {} : { faults: { count: this.#count, last: this.#last } }
  }

  get changed(): boolean {
    return this.#count !== this.#taken
  }

  /** For a delta: `{ faults }` if there are new ones. */
  take(): { faults?: WidgetFaults } {
    const changed = this.changed
    this.#taken = this.#count
    return changed ? this.all() : {}
  }
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `"${shortText(value, 40)}"` : shortText(value, 40)
}
