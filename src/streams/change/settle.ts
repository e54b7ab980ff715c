// A new version of an app meets what was begun before: which nodes keep their state, which begin, which do not fit. Pure;
// a start, a preview and a deployment ask the same function.
import type { App } from '../app.ts'
import { labelOf } from '../describe.ts'
import type { Node } from '../graph/node.ts'
import type { Anchor } from '../graph/placement.ts'
import { type Plan, type PlannedNode, planApp, targetOf } from '../graph/plan.ts'
import { whyUseless } from '../graph/shape.ts'
import type { NodeChange, OutputChange } from './app-change.ts'
import type { Layout, LayoutEntry } from './layout.ts'

/** What is to be computed anew although there is state. */
export type Rebuild = {
  /** By name, unless that was begun after generation `after`: asked for once, it is done once. */
  readonly names: readonly string[]
  readonly after: number
  /** Everything. */
  readonly all?: boolean
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
  /** What begins, by name, and the generation in which it does, unless it hangs below state that is kept. */
  readonly begins: ReadonlySet<string>
  readonly generation: number
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

type Decision = {
  readonly anchor: Anchor
  readonly home: number
  readonly what: 'kept' | 'added' | 'rebuilt' | 'refused'
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
    // Without a layout there may be state of the first generation all the same.
    this.#next = (layout?.generation ?? (rebuild.all === true ? 1 : 0)) + 1
  }

  place(anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>): number {
    const decision = this.#decide(anchor, reach, behind)
    this.#decisions.set(anchor.name, decision)
    return decision.home
  }

  #decide(anchor: Anchor, reach: ReadonlySet<number>, behind: ReadonlySet<string>): Decision {
    const [above] = reach
    const entries = (this.#layout?.entries ?? []).filter(({ name }) => name === anchor.name)
    const stored = entries.find(({ left }) => left !== true) ?? null
    const fresh = { anchor, home: above ?? this.#next, stored }
    const wouldMeet = entries.some(({ home }) => home === fresh.home)
    const begin = (what: 'added' | 'rebuilt', why: string): Decision =>
      wouldMeet
        ? {
            ...fresh,
            what: 'refused',
            why: `${why === '' ? '' : `${why}, and `}it has old state in the same task`,
          }
        : { ...fresh, what, why }
    if (entries.length === 0) return begin('added', '')
    if (stored === null) return begin('rebuilt', 'the app has been without it meanwhile')
    const follows = [...behind].find((name) => this.#decisions.get(name)?.what === 'rebuilt')
    if (follows !== undefined) return begin('rebuilt', `its rows come from "${follows}"`)
    const misfit = this.#misfit(stored, anchor, above)
    const isNamed = this.#rebuild.all === true || this.#rebuild.names.includes(anchor.name)
    if (isNamed && stored.born <= this.#rebuild.after) return begin('rebuilt', misfit ?? 'asked for')
    if (misfit === null) return { anchor, home: stored.home, stored, what: 'kept', why: '' }
    const isMeant = isNamed || this.#rebuild.misfits === true || isNewerVersion(anchor, stored)
    return isMeant ? begin('rebuilt', misfit) : { ...fresh, what: 'refused', why: misfit }
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
    for (const { anchor, what, stored } of this.#decisions.values()) {
      const task = found.get(anchor.name)?.task
      if (what !== 'kept' || task === stored!.task || anchor.shape.kind === 'sink') continue
      this.#moved.set(anchor.name, `its task was ${stored!.task} and is now ${task}`)
      again = true
    }
    return again ? null : this.#settlement(plan, found)
  }

  #settlement(plan: Plan, found: ReadonlyMap<string, Found>): Settlement {
    const decisions = [...this.#decisions.values()]
    const used = decisions.map(({ anchor, what, home, stored }): LayoutEntry => {
      const { task, label } = found.get(anchor.name) ?? { task: '', label: '' }
      const born = what === 'kept' ? stored!.born : this.#next
      return { ...anchor, label, home, born, task }
    })
    const isUsed = ({ name, born }: LayoutEntry) =>
      used.some((entry) => entry.name === name && entry.born === born)
    const left = (this.#layout?.entries ?? [])
      .filter((entry) => !isUsed(entry))
      .map((entry): LayoutEntry => ({ ...entry, left: true }))
    const generation = Math.max(this.#layout?.generation ?? 1, ...used.map(({ born }) => born))
    const outputs = outputsOf(plan)
    return {
      plan,
      layout: { format: 1, generation, entries: [...used, ...left], outputs },
      nodes: this.#nodeChanges(found, left),
      outputs: outputChanges(this.#layout?.outputs ?? [], outputs),
      begins: new Set(decisions.flatMap(({ anchor, what }) => (what === 'kept' ? [] : [anchor.name]))),
      generation: this.#next,
    }
  }

  #nodeChanges(found: ReadonlyMap<string, Found>, left: readonly LayoutEntry[]): Omit<NodeChange, 'from'>[] {
    const changes = [...this.#decisions.values()].map(
      ({ anchor, what, why, stored }): Omit<NodeChange, 'from'> => {
        const { name, shape } = anchor
        const label = found.get(name)?.label ?? ''
        const before = stored !== null && stored.label !== label ? { before: stored.label } : {}
        return { name, kind: shape.kind, label, what, why, ...before }
      },
    )
    const orphans = left.filter(({ name, shape }) => shape.kind !== 'sink' && !this.#decisions.has(name))
    for (const name of new Set(orphans.map((entry) => entry.name))) {
      const { label, shape } = orphans.find((entry) => entry.name === name)!
      const why = 'the app no longer has it; its state stays in the log'
      changes.push({ name, kind: shape.kind, label: '', before: label, what: 'orphaned', why })
    }
    return changes
  }

  #tasks({ subtopologies }: Plan): Map<string, Found> {
    const found = new Map<string, Found>()
    for (const { anchor, home } of this.#decisions.values()) {
      for (const subtopology of subtopologies) {
        if (subtopology.generation !== home) continue
        const node = subtopology.nodes.find((planned) => isOf(planned, anchor.name))
        if (node === undefined) continue
        found.set(anchor.name, { task: subtopology.name, label: labelOf(node) })
        break
      }
    }
    return found
  }
}

type Found = { readonly task: string; readonly label: string }

/** A sink is named after where its rows come from and where they go. */
function isOf(planned: PlannedNode, name: string): boolean {
  if (planned.node.kind !== 'sink') return planned.id === name
  return name.replace(/ \(\d+\)$/, '').endsWith(` → ${targetOf(planned)}`)
}

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
