// Backups of this node: begin one, see how far it is, give it up.
import { BrokerError } from '#base'
import { json, noContent } from '../answer.ts'
import type { BackupStatus } from '../contract.ts'
import { many, one, startBackup } from '../models.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'

const tag = 'backups'

export function backupRoutes({ backups }: Services): Route[] {
  const find = (id: string): BackupStatus => {
    const backup = backups.get(id)
    if (backup !== undefined) return backup
    throw new BrokerError('not_found', `there is no backup "${id.slice(0, 100)}"`, {
      fix: 'GET /api/v1/backups lists those made since the node started',
    })
  }

  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/backups',
        access: 'admin',
        tag,
        operation: 'startBackup',
        summary: 'Make a backup on the machine of the node',
        description:
          'Goes on in the background, slowly enough that nobody who waits for the disk notices it.',
        body: startBackup,
        answers: { 202: one('Backup', 'it has begun') },
      },
      async ({ body }) => json(await backups.start(body), 202),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/backups',
        access: 'read',
        tag,
        operation: 'listBackups',
        summary: 'List the backups made since the node started',
        answers: { 200: many('Backup', 'the newest first') },
      },
      () => json(backups.list()),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/backups/:backup',
        access: 'read',
        tag,
        operation: 'describeBackup',
        summary: 'How far a backup is',
        answers: { 200: one('Backup', 'as it is now') },
      },
      ({ params }) => json(find(params['backup']!)),
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/backups/:backup',
        access: 'admin',
        tag,
        operation: 'cancelBackup',
        summary: 'Give up a backup that is being made',
        answers: { 204: { description: 'it has ended; a finished one stays as it is' } },
      },
      async ({ params }) => {
        await backups.cancel(find(params['backup']!).id)
        return noContent()
      },
    ),
  ]
}
