// Which node of a subtopology does what when its function throws, and where dead letters go.
import type { App } from '../app.ts'
import { deadTopicOf } from '../dead-letter.ts'
import { type ErrorSettings, errorSettings } from '../error-policy.ts'
import type { Subtopology } from './plan.ts'

export type ErrorRules = {
  /** What goes for a node that says nothing itself. */
  readonly usual: ErrorSettings
  /** By node id. */
  readonly ofNode: ReadonlyMap<string, ErrorSettings>
  /** Rows may be undone. */
  readonly undoes: boolean
  /** By the topic of a record. Empty: nothing becomes a dead letter. */
  readonly deadTopics: ReadonlyMap<string, string>
}

export function errorRulesOf(app: App, { nodes, inputs }: Subtopology): ErrorRules {
  const usual = errorSettings(app.onError)
  const ofNode = new Map<string, ErrorSettings>()
  let badBecomesDead = false
  let sources = inputs.map(({ topic }) => topic)
  for (const { id, node } of nodes) {
    if ('onError' in node && node.onError !== undefined) ofNode.set(id, errorSettings(node.onError))
    if (node.kind === 'source' && node.topic.onBad === 'dead-letter') badBecomesDead = true
    if (node.kind === 'generator') sources = [...sources, node.settings.to.name]
  }
  const all = [usual, ...ofNode.values()]
  const someDead = badBecomesDead || all.some(({ otherwise }) => otherwise === 'dead-letter')
  return {
    usual,
    ofNode,
    undoes: all.some(({ retries, otherwise }) => retries > 0 || otherwise !== 'fail'),
    deadTopics: new Map(someDead ? sources.map((topic) => [topic, deadTopicOf(topic)]) : []),
  }
}
