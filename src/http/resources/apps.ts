// Stream apps: list, describe, pause, resume.
import { BrokerError } from '#base'
import { didYouMean } from '#broker'
import type { AppStatus } from '#streams'
import { json } from '../answer.ts'
import { many, one } from '../models.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'

const tag = 'apps'

export function appRoutes({ apps }: Services): Route[] {
  const find = (id: string): AppStatus => {
    const app = apps.get(id)
    if (app !== undefined) return app
    const known = apps.list().map((one) => one.id)
    throw new BrokerError('not_found', `there is no app "${id.slice(0, 100)}"${didYouMean(id, known)}`, {
      fix: 'GET /api/v1/apps lists the apps; pspf serve app.ts runs one',
    })
  }

  const control = (verb: 'pause' | 'resume', summary: string): Route =>
    route(
      {
        method: 'POST',
        path: `/api/v1/apps/:app/${verb}`,
        access: 'write',
        tag,
        operation: `${verb}App`,
        summary,
        answers: { 200: one('App', 'as it is now') },
      },
      async ({ params }) => {
        const { id } = find(params['app']!)
        await apps[verb](id)
        return json(find(id))
      },
    )

  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/apps',
        access: 'read',
        tag,
        operation: 'listApps',
        summary: 'List apps',
        answers: { 200: many('App', 'with their graphs, tasks and rates') },
      },
      () => json(apps.list()),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/apps/:app',
        access: 'read',
        tag,
        operation: 'describeApp',
        summary: 'Describe an app',
        answers: { 200: one('App', 'its graph, tasks and rates') },
      },
      ({ params }) => json(find(params['app']!)),
    ),
    control('pause', 'Pause an app'),
    control('resume', 'Resume an app'),
  ]
}
