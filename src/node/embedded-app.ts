// An app in the very process that opened the node: no fence around it, and no second process either.
import { join } from 'node:path'
import { realClock, realDisk, realRandom, silentLogger } from '#base'
import { dashboardsOf } from '#dashboards'
import { type App, brokerPort, type RunningApp, startApp } from '#streams'
import type { RunningNode } from './node.ts'

/** Resolves when the app runs. It must be stopped before the node. */
export async function runEmbeddedApp(
  node: RunningNode,
  app: App,
  dataDirectory: string,
): Promise<RunningApp> {
  node.dashboards.set(app.id, dashboardsOf(app))
  const disk = realDisk()
  try {
    const running = await startApp(app, {
      port: brokerPort(node.broker),
      clock: realClock(),
      random: realRandom(),
      logger: silentLogger,
      stateDirectory: join(dataDirectory, 'apps', app.id, 'state'),
      readSlice: disk,
      rocksdb: process.env['PSPF_ROCKSDB'],
    })
    const release = () => disk.close()
    running.done.then(release, release)
    return running
  } catch (error) {
    disk.close()
    node.dashboards.remove(app.id)
    throw error
  }
}
