// `topology.lock`: what of an app lasts, as text that lies beside its file, for whoever reviews a change. One fact a line, in
// a fixed order, so that a change of the app is a change of a line.
//
//   app shop
//   state revenue: window, tumbling 5m, grace 0ms, on-close: total = sum(amount)
//   topic orders: source
import type { GraphDescription } from '../answers.ts'

export function topologyLock({ app, nodes, topics }: GraphDescription): string {
  const states = nodes
    .filter(({ stateful }) => stateful)
    .map(({ id, kind, label }) => `state ${id}: ${label === kind ? kind : `${kind}, ${label}`}`)
  const written = topics.map(({ name, role, partitions }) => {
    const over =
      partitions === undefined ? '' : `, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`
    return `topic ${name}: ${role}${over}`
  })
  return `${[`app ${app}`, ...states.sort(), ...written.sort()].join('\n')}\n`
}

/** `- line` that is gone and `+ line` that is new; empty: they say the same. */
export function lockChanges(before: string, after: string): string[] {
  const [old, now] = [before.trimEnd().split('\n'), after.trimEnd().split('\n')]
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ]
}
