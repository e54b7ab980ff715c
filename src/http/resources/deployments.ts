// Apps put on the running node: deploy, preview, versions, roll back, remove.
import { BrokerError } from '#base'
import type { Deployment } from '#streams'
import { json, noContent } from '../answer.ts'
import type { AppVersion } from '../contract.ts'
import { deployApp, many, one, resetApp, rollbackApp } from '../models.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'

const tag = 'apps'

export function deploymentRoutes({ deployer }: Services): Route[] {
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/apps',
        access: 'admin',
        tag,
        operation: 'deployApp',
        summary: 'Put an app, or another version of it, on this node',
        description:
          'It is loaded and compared with what runs before anything changes. State that does not fit refuses it (409), ' +
          'unless its node is named in `replace`: then it is computed anew from the log. `pspf app deploy` bundles a file.',
        body: deployApp,
        answers: { 200: one('DeployAnswer', 'what changes, or with dryRun would') },
      },
      async ({ body }) => {
        const { source, file = 'app.js', replace = [], dryRun = false } = body
        return json(await deployer.deploy({ source, file, replace, dryRun }))
      },
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/apps/:app/rollback',
        access: 'admin',
        tag,
        operation: 'rollbackApp',
        summary: 'Put an earlier version of an app back',
        description: 'As a new version. What its nodes cannot use of the state there is, they compute anew.',
        body: rollbackApp,
        answers: { 200: one('DeployAnswer', 'what changes, or with dryRun would') },
      },
      async ({ params, body: { to, dryRun = false } }) =>
        json(await deployer.rollback(params['app']!, { to, dryRun })),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/apps/:app/reset',
        access: 'admin',
        tag,
        operation: 'resetApp',
        summary: 'Compute all of an app anew from what its topics hold',
        description:
          'Its state is deleted. Rows that it writes again come behind those that its topics have.',
        body: resetApp,
        answers: { 200: one('AppChange', 'what begins anew, or with dryRun would') },
      },
      async ({ params, body: { dryRun = false } }) => json(await deployer.reset(params['app']!, { dryRun })),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/apps/:app/versions',
        access: 'read',
        tag,
        operation: 'listAppVersions',
        summary: 'List the versions of an app',
        answers: { 200: many('AppVersion', 'the newest first; none: it runs from a file') },
      },
      async ({ params }) => json((await deployer.versions(params['app']!)).map(versionOf)),
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/apps/:app',
        access: 'admin',
        tag,
        operation: 'removeApp',
        summary: 'Stop a deployed app for good',
        description: 'Its topics and its state stay: deployed again, it goes on where it was.',
        answers: { 204: { description: 'it is gone' } },
      },
      async ({ params }) => {
        const app = params['app']!
        if (app.length > 100) throw new BrokerError('not_found', 'there is no app of that name')
        await deployer.remove(app)
        return noContent()
      },
    ),
  ]
}

function versionOf({
  version,
  file,
  deployedAt,
  sizeBytes,
  sha256,
  change,
  restores,
}: Deployment): AppVersion {
  return { version, file, deployedAt, sizeBytes, sha256, change, restores: restores ?? null }
}
