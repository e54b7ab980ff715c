// A dashboard as an app's file declares it. It is a part of the app: its streams run even if nothing else uses them, and
// what it shows of a stream is kept in a history topic, so that charts open with their past.
import { BrokerError } from '#base'
import type { App, AppPart, Stream } from '#streams'
import type { DashboardSpec, WidgetSpec } from './api.ts'
import type { Widget, WidgetSource } from './widget.ts'
import { checkWidget } from './widget-spec.ts'

export const widgetsPerDashboardMax = 100

export type DashboardOptions = {
  /** Default: the dashboard's id. */
  readonly title?: string
  readonly description?: string
}

const dashboardBrand = Symbol.for('pspf.dashboard')

export type Dashboard = AppPart & {
  readonly [dashboardBrand]: true
  readonly id: string
  readonly title: string
  readonly description: string | undefined
  /** `topic` is known, `id` still lacks the app. */
  readonly widgets: readonly WidgetSpec[]
}

/**
 * @example dashboard('shop', { title: 'Shop' }, [stat('orders', perMinute, { y: 'n' }), line('revenue', perMinute, { y: 'sum' })])
 */
export function dashboard(id: string, options: DashboardOptions, widgets: readonly Widget[]): Dashboard {
  checkDashboard(id, options, widgets)
  const histories = new Map<unknown, string>()
  const streams = widgets.flatMap(({ from }) => streamOf(from) ?? [])
  return {
    [dashboardBrand]: true,
    id,
    title: options.title ?? id,
    description: options.description,
    widgets: widgets.map(({ name, from, spec }) => {
      const made = { ...spec, id: name, topic: topicOf(from, `_pspf.widgets.${id}.${name}`, histories) }
      checkWidget(made)
      return made
    }),
    streams: () => streams,
  }
}

/** The dashboards among an app's parts, as the node shows them. */
export function dashboardsOf(app: App): DashboardSpec[] {
  const dashboards = app.parts.filter(isDashboard)
  const seen = new Map<string, string>()
  for (const { id, widgets } of dashboards) {
    claim(seen, `dashboard "${id}"`, `app "${app.id}"`)
    for (const widget of widgets) claim(seen, `widget "${widget.id}"`, `dashboard "${id}"`)
  }
  return dashboards.map(({ id, title, description, widgets }) => ({
    id,
    title,
    ...(description !== undefined && { description }),
    app: app.id,
    widgets: widgets.map((widget) => ({ ...widget, id: `${app.id}.${widget.id}` })),
  }))
}

function isDashboard(part: AppPart): part is Dashboard {
  return dashboardBrand in part
}

/** Widgets over the same stream share one history: it is written once, named after the first of them. */
function topicOf(from: WidgetSource<unknown>, name: string, histories: Map<unknown, string>): string {
  const stream = streamOf(from)
  if (!stream) return (from as { readonly name: string }).name
  const known = histories.get(stream.node)
  if (known !== undefined) return known
  const topic = stream.materialise(name).name
  histories.set(stream.node, topic)
  return topic
}

function streamOf(from: WidgetSource<unknown>): Stream<unknown> | null {
  if ('out' in from) return from.out
  return 'node' in from ? from : null
}

function checkDashboard(id: string, options: DashboardOptions, widgets: readonly Widget[]): void {
  if (typeof id !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(id)) {
    throw new BrokerError('invalid_request', `${JSON.stringify(id)} is not a dashboard id`, {
      fix: 'use 1 to 64 letters, digits, dashes or underscores; write the title for people as { title }',
    })
  }
  const unknown = Object.keys(options).find((option) => option !== 'title' && option !== 'description')
  if (unknown !== undefined) {
    throw new BrokerError('invalid_request', `dashboard "${id}" does not know the option "${unknown}"`, {
      fix: 'a dashboard takes title and description',
    })
  }
  if (!Array.isArray(widgets) || widgets.length === 0 || widgets.length > widgetsPerDashboardMax) {
    throw new BrokerError('invalid_request', `dashboard "${id}" has no list of widgets`, {
      fix: `give 1 to ${widgetsPerDashboardMax} of them: [stat(...), line(...)]`,
    })
  }
  const seen = new Map<string, string>()
  for (const { name } of widgets) claim(seen, `widget "${name}"`, `dashboard "${id}"`)
}

function claim(seen: Map<string, string>, what: string, where: string): void {
  const before = seen.get(what)
  if (before !== undefined) {
    throw new BrokerError('already_exists', `${what} of ${where} is already in ${before}`, {
      fix: 'give one of them another name: history and links hang on it',
    })
  }
  seen.set(what, where)
}
