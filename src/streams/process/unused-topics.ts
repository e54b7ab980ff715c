// What is left of an app when all of it was computed anew.
import type { Broker } from '#broker'
import type { AppStatus } from '../api.ts'

/** Deletes the changelogs and repartitions of an app that its running tasks do not use; nothing while it does not run. */
export async function deleteUnused(broker: Broker, app: string, { state, graph }: AppStatus): Promise<void> {
  if (state !== 'running') return
  const used = new Set(graph.topics.map(({ name }) => name))
  const isOwn = (name: string) => name.startsWith(`${app}.`) && /\.(changelog|repartition)$/.test(name)
  for (const { name } of broker.topics()) {
    if (isOwn(name) && !used.has(name)) await broker.deleteTopic(name, { internal: true })
  }
}
