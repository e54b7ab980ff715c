// What a new version of an app does to what the one before has computed: plain data, for the CLI, REST and the UI.

export type AppChange = {
  readonly app: string
  readonly nodes: readonly NodeChange[]
  readonly outputs: readonly OutputChange[]
}

export type NodeChange = {
  readonly name: string
  readonly kind: string
  /** One line for people: `tumbling 1m, grace 10s`; empty when the app no longer has it. */
  readonly label: string
  /** What it was, if that was something else. */
  readonly before?: string
  /**
   * `kept`: state and positions go on. `added`: new; `rebuilt`: computed anew, its old state is left aside. `refused`: its
   * state does not fit, so the app cannot start. `orphaned`: the app no longer has it; its state stays.
   */
  readonly what: 'kept' | 'added' | 'rebuilt' | 'refused' | 'orphaned'
  /** Why, in words. */
  readonly why: string
  /** Where it begins to read; empty if it goes on, or begins with what comes. */
  readonly from: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly records: number
  }[]
}

export type OutputChange = {
  readonly topic: string
  readonly what: 'kept' | 'added' | 'removed'
  /** Records that are in it already and stay, where others with the same meaning will follow. */
  readonly again?: number
}

/** Nothing begins, ends or is refused. */
export function isEmptyChange({ nodes, outputs }: AppChange): boolean {
  return nodes.every(({ what }) => what === 'kept') && outputs.every(({ what }) => what === 'kept')
}

export const refusedNodes = ({ nodes }: AppChange): readonly NodeChange[] =>
  nodes.filter(({ what }) => what === 'refused')
