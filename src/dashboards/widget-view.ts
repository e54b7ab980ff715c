// A widget's live view: records in, what viewers see out. Views are pure (no clock, no I/O), bounded, and never throw for
// what a record holds: a value that cannot be shown becomes null or text, and is counted in `faults`.
import type { WidgetData, WidgetSpec } from './api.ts'
import { BarsView } from './bars-view.ts'
import { RowsView } from './rows-view.ts'
import { SeriesView } from './series-view.ts'
import { StatView } from './stat-view.ts'
import type { WidgetRecord } from './widget-record.ts'

export interface WidgetView {
  /** Takes in one record; answers whether there is anything new to show. */
  fold(record: WidgetRecord): boolean
  /** The whole view. Deltas taken from now on apply to it if none was pending (take one first). */
  snapshot(): WidgetData
  /** Everything that changed since the last take, conflated; null if nothing did. */
  takeDelta(): WidgetData | null
}

export function widgetView(spec: WidgetSpec): WidgetView {
  switch (spec.kind) {
    case 'stat':
      return new StatView(spec)
    case 'line':
    case 'area':
      return new SeriesView(spec)
    case 'bar':
      return new BarsView(spec)
    case 'table':
      return new RowsView(spec)
  }
}
