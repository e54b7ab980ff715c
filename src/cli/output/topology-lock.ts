// `topology.lock`: what of an app lasts, as text that lies beside its file, for whoever reviews a change. One fact a line, in
// a fixed order, so that a change of the app is a change of a line. Apps whose files lie in one folder share it: a section for
// each, in the order of their names, with an empty line between.
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

/** What the file says of one app; '': nothing. */
export function lockSection(file: string, app: string): string {
  return sections(file)
    .filter((section) => isOf(section, app))
    .join('\n')
}

/** The file with another section of one app; those of others stay as they are. */
export function withLockSection(file: string, app: string, section: string): string {
  const others = sections(file).filter((one) => !isOf(one, app))
  return [...others, section].sort().join('\n')
}

function sections(file: string): string[] {
  const lines = linesOf(file)
  const starts = lines.flatMap((line, index) => (line.startsWith('app ') ? [index] : []))
  return starts.map((start, index) => `${lines.slice(start, starts[index + 1]).join('\n')}\n`)
}

const linesOf = (text: string) => text.split(/\r?\n/).filter((line) => line !== '')
const isOf = (section: string, app: string) => section.startsWith(`app ${app}\n`)

/** `- line` that is gone and `+ line` that is new; empty: they say the same. */
export function lockChanges(before: string, after: string): string[] {
  const [old, now] = [linesOf(before), linesOf(after)]
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ]
}
