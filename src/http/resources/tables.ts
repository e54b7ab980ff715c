// Materialised tables. Apps of this version keep none that can be read, so the list is empty and every name unknown.
import { BrokerError } from '#base'
import { json } from '../answer.ts'
import { many, one } from '../models.ts'
import { type Route, route } from '../route.ts'

const tag = 'tables'

export function tableRoutes(): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/tables',
        access: 'read',
        tag,
        operation: 'listTables',
        summary: 'List tables',
        answers: { 200: many('Table', 'that apps keep') },
      },
      () => json([]),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/tables/:table',
        access: 'read',
        tag,
        operation: 'describeTable',
        summary: 'Describe a table',
        answers: { 200: one('Table', 'its size and where it comes from') },
      },
      ({ params }) => {
        throw new BrokerError('not_found', `there is no table "${params['table']!.slice(0, 100)}"`, {
          fix: 'GET /api/v1/tables lists the tables; read the results of an app from its topics',
        })
      },
    ),
  ]
}
