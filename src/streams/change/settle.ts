// A new version of an app meets what was begun before: which nodes keep their state, which begin, which do not fit. Pure;
// a start, a preview and a deployment ask the same function.
import type { App } from '../app.ts'
import { labelOf } from '../describe.ts'
import type { Node } from '../graph/node.ts'
import type { Anchor, Place } from '../graph/placement.ts'
import { type Plan, type PlannedNode, planApp, type Subtopology, targetOf } from '../graph/plan.ts'
import { whyUseless } from '../graph/shape.ts'
import type { NodeChange, OutputChange } from './app-change.ts'
import type { Layout, LayoutEntry } from './layout.ts'

/** What is to be computed anew although there is state. */
export type Rebuild = {
  /** By name, unless that was begun after generation `after`: asked for once, it is done once. */
  readonly names: readonly string[]
  readonly after: number
  /** Whatever does not fit. */
  readonly misfits?: boolean
}

export const noRebuild: Rebuild = { names: [], after: 0 }

export type SettleOptions = {
  /** null: the app has not run yet, or not since layouts are kept. */
  readonly layout: Layout | null
  readonly rebuild?: Rebuild | undefined
  readonly partitionsOf?: ((topic: string) => number) | undefined
  readonly taps?: readonly Node[] | undefined
}

export type Settlement = {
  readonly plan: Plan
  /** As it is once the app runs. */
  readonly layout: Layout
  readonly nodes: readonly Omit<NodeChange, 'from'>[]
  readonly outputs: readonly Omit<OutputChange, 'again'>[]
  /** Names of nodes that begin at the beginning of their inputs. */
  readonly backFilled: ReadonlySet<string>
}

/** Throws `invalid_request` if the graph is unsound, `conflict` if it ties together what cannot be. */
export function settle(app: App, options: SettleOptions): Settlement {
  const moved = new Map<string, string>()
  for (;;) {
    const attempt = new Attempt(options, moved)
    const plan = planApp(app, {
      partitionsOf: options.partitionsOf,
      taps: options.taps,
      place: (anchor, reach, behind) => attempt.place(anchor, reach, behind),
    })
    const settlement = attempt.finish(plan)
    if (settlement !== null) return settlement
  }
}

type What = 'kept' | 'added' | 'rebuilt' | 'refused'
type Decision = {
  readonly anchor: Anchor
  readonly place: Place
  readonly what: What
  readonly why: string
  readonly stored: LayoutEntry | null
}

class Attempt {
  readonly #layout: Layout | null
  readonly #rebuild: Rebuild
  /** Names whose task is another one now, which shows only in the finished plan. */
  readonly #moved: Map<string, string>
  readonly #decisions = new Map<string, Decision>()
  readonly #next: number

  constructor({ layout, rebuild = noRebuild }: SettleOptions, moved: Map<string, string>) {
    this.#layout = layout
    this.#rebuild = rebuild
    this.#moved = moved
    this.#next = (layout?.generation ?? 0) + 1
  }

  place(anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>): Place {
    const known = this.#decisions.get(anchor.name)
    if (known !== undefined) return known.place
    const decision = this.#decide(anchor, reach, behind)
    this.#decisions.set(anchor.name, decision)
    return decision.place
  }

  #decide(anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>): Decision {
    const [above] = reach
    const fresh: Place = { home: above ?? this.#next, born: this.#next }
    const entries = (this.#layout?.entries ?? []).filter(({ name }) => name === anchor.name)
    const usable = entries.filter(({ left }) => left !== true).sort((a, b) => b.born - a.born)
    const made = { anchor, place: fresh, stored: usable[0] ?? null }
    const stale = entries.some(({ home }) => home === fresh.home)
    if (usable.length === 0) {
      return stale && anchor.shape.kind !== 'repartition'
        ? {
            ...made,
            what: 'refused',
            why: 'its task has gone on without it, so that its state there has a gap',
          }
        : { ...made, what: 'added', why: '' }
    }
    const follows = [...behind].find((name) => this.#decisions.get(name)?.what === 'rebuilt')
    if (follows !== undefined) return { ...made, what: 'rebuilt', why: `its rows come from "${follows}"` }
    if (this.#isAsked(anchor, usable[0]!)) return { ...made, what: 'rebuilt', why: 'asked for' }
    const fits = usable.find((entry) => this.#misfit(entry, anchor, above) === null)
    if (fits !== undefined) {
      const { home, born } = fits
      return { anchor, place: { home, born }, stored: fits, what: 'kept', why: '' }
    }
    const why = this.#misfit(usable[0]!, anchor, above)!
    const isMeant =
      this.#rebuild.misfits === true || isNewerVersion(anchor, usable[0]!) || this.#isNamed(anchor)
    return { ...made, what: isMeant ? 'rebuilt' : 'refused', why }
  }

  #isNamed({ name, of }: Anchor): boolean {
    const { names } = this.#rebuild
    return names.includes(name) || names.includes(of)
  }

  /** Its repartition is kept, unless that does not fit: rows that are in it have the same meaning. */
  #isAsked(anchor: Anchor, newest: LayoutEntry): boolean {
    return anchor.shape.kind !== 'repartition' && this.#isNamed(anchor) && newest.born <= this.#rebuild.after
  }

  #misfit(entry: LayoutEntry, { name, shape }: Anchor, above: number | undefined): string | null {
    const useless = whyUseless(entry.shape, shape)
    if (useless !== null) return useless
    if (above !== undefined && entry.home !== above)
      return 'its rows come from state that was begun at another time'
    return this.#moved.get(name) ?? null
  }

  /** null: tasks have moved, so that it has to be tried again. */
  finish(plan: Plan): Settlement | null {
    const found = this.#tasks(plan)
    let again = false
    for (const { anchor, what, stored, place } of this.#decisions.values()) {
      const task = found.get(anchor.name)?.task
      if (what !== 'kept' || stored === null || task === stored.task || anchor.shape.kind === 'sink') continue
      if (this.#moved.has(anchor.name) || place.born !== stored.born) continue
      this.#moved.set(anchor.name, `its task was ${stored.task} and is now ${task}`)
      again = true
    }
    return again ? null : this.#settlement(plan, found)
  }

  #settlement(plan: Plan, found: ReadonlyMap<string, Found>): Settlement {
    const used: LayoutEntry[] = [...this.#decisions.values()].map(({ anchor, place }) => {
      const { task, label } = found.get(anchor.name) ?? { task: '', label: '' }
      return { name: anchor.name, shape: anchor.shape, label, ...place, task }
    })
    const running = new Set(plan.subtopologies.map(({ name }) => name))
    const isUsed = ({ name, born }: LayoutEntry) =>
      used.some((entry) => entry.name === name && entry.born === born)
    const unused = (this.#layout?.entries ?? [])
      .filter((entry) => !isUsed(entry))
      .map((entry): LayoutEntry => (running.has(entry.task) ? { ...entry, left: true } : entry))
    const generation = Math.max(1, this.#layout?.generation ?? 1, ...used.map(({ born }) => born))
    const outputs = outputsOf(plan)
    return {
      plan,
      layout: { format: 1, generation, entries: [...used, ...unused], outputs },
      nodes: this.#nodeChanges(found, unused),
      outputs: outputChanges(this.#layout?.outputs ?? [], outputs),
      backFilled: new Set(
        [...this.#decisions.values()]
          .filter(({ what, place }) => what !== 'kept' && place.home === this.#next)
          .map(({ anchor }) => anchor.name),
      ),
    }
  }

  #nodeChanges(
    found: ReadonlyMap<string, Found>,
    unused: readonly LayoutEntry[],
  ): Omit<NodeChange, 'from'>[] {
    const changes: Omit<NodeChange, 'from'>[] = []
    for (const { anchor, what, why, stored } of this.#decisions.values()) {
      const { name, shape } = anchor
      if (shape.kind === 'repartition' && what !== 'refused') continue
      const label = found.get(name)?.label ?? ''
      const before =
        stored !== null && stored.label !== label && what !== 'added' ? { before: stored.label } : {}
      changes.push({ name, kind: shape.kind, label, what, why, ...before })
    }
    const orphans = unused.filter(({ name, shape }) => lasts(shape.kind) && !this.#decisions.has(name))
    for (const name of new Set(orphans.map((entry) => entry.name))) {
      const { label, shape } = orphans.findLast((entry) => entry.name === name)!
      const why = 'the app no longer has it; its state stays until pspf app reset'
      changes.push({ name, kind: shape.kind, label: '', before: label, what: 'orphaned', why })
    }
    return changes
  }

  #tasks({ subtopologies }: Plan): Map<string, Found> {
    const found = new Map<string, Found>()
    for (const { anchor, place } of this.#decisions.values()) {
      for (const subtopology of subtopologies) {
        const node = subtopology.nodes.find((planned) => isOf(planned, anchor, { place, subtopology }))
        if (node === undefined) continue
        found.set(anchor.name, { task: subtopology.name, label: labelOf(node) })
        break
      }
    }
    return found
  }
}

type Found = { readonly task: string; readonly label: string }

function isOf(
  planned: PlannedNode,
  { name, shape, of }: Anchor,
  { place, subtopology }: { readonly place: Place; readonly subtopology: Subtopology },
): boolean {
  if (subtopology.generation !== place.home) return false
  return shape.kind === 'sink'
    ? planned.node.kind === 'sink' && targetOf(planned) === of
    : planned.id === name
}

const lasts = (kind: string): boolean => kind !== 'repartition' && kind !== 'sink'

/** Whoever counts the version up says that state of the one before is not to be kept. */
const isNewerVersion = ({ shape }: Anchor, stored: LayoutEntry): boolean =>
  (shape.version ?? 1) > (stored.shape.version ?? 1)

function outputsOf({ subtopologies }: Plan): string[] {
  const nodes = subtopologies.flatMap((subtopology) => subtopology.nodes)
  return [
    ...new Set(nodes.flatMap((planned) => (planned.node.kind === 'sink' ? [targetOf(planned)!] : []))),
  ].sort()
}

function outputChanges(before: readonly string[], after: readonly string[]): Omit<OutputChange, 'again'>[] {
  return [
    ...after.map((topic) => ({
      topic,
      what: before.includes(topic) ? ('kept' as const) : ('added' as const),
    })),
    ...before.filter((topic) => !after.includes(topic)).map((topic) => ({ topic, what: 'removed' as const })),
  ]
}
