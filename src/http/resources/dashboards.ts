// Dashboards, the history of a widget, and materialised tables.
import { BrokerError } from '#base'
import { didYouMean } from '#broker'
import { json } from '../answer.ts'
import { many, one } from '../models.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'

const tag = 'dashboards'

export function dashboardRoutes({ dashboards, widgets }: Services): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/dashboards',
        access: 'read',
        tag,
        operation: 'listDashboards',
        summary: 'List dashboards',
        answers: { 200: many('Dashboard', 'with their widgets') },
      },
      () => json(dashboards.list()),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/dashboards/:dashboard',
        access: 'read',
        tag,
        operation: 'describeDashboard',
        summary: 'Describe a dashboard',
        answers: { 200: one('Dashboard', 'its widgets') },
      },
      ({ params }) => {
        const id = params['dashboard']!
        const found = dashboards.get(id)
        if (found !== undefined) return json(found)
        throw unknown(
          'dashboard',
          id,
          dashboards.list().map((one) => one.id),
        )
      },
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/widgets/:widget/history',
        access: 'read',
        tag,
        operation: 'widgetHistory',
        summary: 'What a widget shows now',
        description: 'The whole view, as a live subscription on the socket begins.',
        answers: { 200: one('WidgetHistory', 'with the sequence number it stands at') },
      },
      async ({ params }) => {
        const id = params['widget']!
        const known = dashboards.list().flatMap((one) => one.widgets.map((widget) => widget.id))
        const found = known.includes(id) ? await widgets.widgetHistory(id) : undefined
        if (found !== undefined) return json(found)
        throw unknown('widget', id, known)
      },
    ),
  ]
}

function unknown(what: string, id: string, known: readonly string[]): BrokerError {
  return new BrokerError('not_found', `there is no ${what} "${id.slice(0, 100)}"${didYouMean(id, known)}`, {
    fix: 'GET /api/v1/dashboards lists the dashboards with their widgets',
  })
}
