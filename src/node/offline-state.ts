// The state of the apps of a stopped node, as its stores have it: counted, shown, written out. Stores are caches: what is
// seen here is as of their position in the changelog, which the next start may bring forward.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError, toError } from '#base'
import { type EntryText, entryText, openStoreFile, type StoreFile, storeFilesIn } from '#streams'
import { withStopped } from './offline-log.ts'

export type NodeKeys = { readonly node: string; readonly keys: number }

export type StoreFacts = {
  readonly app: string
  readonly task: string
  readonly store: string
  readonly keys: number
  readonly sizeBytes: number
  /** Next changelog offset; null: empty. */
  readonly position: number | null
  readonly nodes: readonly NodeKeys[]
  /** Why it cannot be read: the next start fills it anew. */
  readonly damage: string | null
}

export type StateRow = { readonly app: string; readonly task: string } & EntryText

export type StateWish = {
  /** Only this app; null: all. */
  readonly app: string | null
  /** File of RocksDB's C library; null: wherever the system has it. */
  readonly rocksdb: string | null
}

/** Throws `conflict` while a node runs on the directory, `not_found` where there is none, or no such app. */
export async function inspectState(dataDirectory: string, wish: StateWish): Promise<readonly StoreFacts[]> {
  return await withStopped(dataDirectory, async () => {
    const facts: StoreFacts[] = []
    for (const { app, file } of filesOf(dataDirectory, wish)) facts.push(await factsOf(app, file, wish))
    return facts
  })
}

export type ExportWish = StateWish & { readonly task: string | null; readonly node: string | null }

/**
 * Every entry in the order of stores and keys. Throws `corrupt` for a damaged store, `not_found` for a task or node that
 * there is not, and for an app without files.
 */
export async function exportState(
  dataDirectory: string,
  wish: ExportWish,
  take: (row: StateRow) => Promise<void>,
): Promise<void> {
  await withStopped(dataDirectory, async () => {
    const nodes = new Set<string>()
    for (const { app, file } of chosenFiles(dataDirectory, wish)) {
      const store = await openStoreFile(file, wish.rocksdb)
      try {
        for (const entry of store.scan(firstKey, lastKey)) {
          const text = entryText(entry)
          if (text.node !== null) nodes.add(text.node)
          if (wish.node === null || text.node === wish.node) await take({ app, task: file.task, ...text })
        }
      } finally {
        store.close()
      }
    }
    if (wish.node === null || nodes.has(wish.node)) return
    throw new BrokerError('not_found', `no node "${wish.node}" has state there`, {
      fix: nodes.size === 0 ? 'there is none with any' : `nodes are ${[...nodes].sort().join(', ')}`,
    })
  })
}

function chosenFiles(dataDirectory: string, wish: ExportWish): { app: string; file: StoreFile }[] {
  const files = filesOf(dataDirectory, wish)
  if (files.length === 0) {
    throw new BrokerError('not_found', `${wish.app ?? 'no app'} has no state in files`, {
      fix: "with store: 'memory' it is in the changelog only: read it while the app runs, with pspf table",
    })
  }
  const chosen = files.filter(({ file }) => wish.task === null || file.task === wish.task)
  if (chosen.length > 0) return chosen
  const tasks = [...new Set(files.map(({ file }) => file.task))].sort()
  throw new BrokerError('not_found', `there is no task "${wish.task}"`, {
    fix: `tasks are ${tasks.join(', ')}`,
  })
}

const firstKey = new Uint8Array()
const lastKey = Uint8Array.of(0xff, 0xff)

async function factsOf(app: string, file: StoreFile, { rocksdb }: StateWish): Promise<StoreFacts> {
  const { task, kind: store, sizeBytes } = file
  const plain = { app, task, store, sizeBytes, keys: 0, position: null, nodes: [], damage: null }
  try {
    const opened = await openStoreFile(file, rocksdb)
    try {
      const counts = new Map<string, number>()
      let keys = 0
      for (const entry of opened.scan(firstKey, lastKey)) {
        keys++
        const { node, kind } = entryText(entry)
        if (node !== null && kind !== 'signature') counts.set(node, (counts.get(node) ?? 0) + 1)
      }
      const nodes = [...counts].map(([node, count]) => ({ node, keys: count }))
      return { ...plain, keys, position: opened.position?.next ?? null, nodes }
    } finally {
      opened.close()
    }
  } catch (thrown) {
    if (thrown instanceof BrokerError && thrown.code === 'corrupt')
      return { ...plain, damage: toError(thrown).message }
    throw thrown
  }
}

function filesOf(dataDirectory: string, { app }: StateWish): { app: string; file: StoreFile }[] {
  const folder = join(dataDirectory, 'apps')
  const apps = directoriesIn(folder)
  if (app !== null && !apps.includes(app)) {
    throw new BrokerError('not_found', `no app "${app}" has state in ${folder}`, {
      fix: apps.length === 0 ? 'apps keep state once they have run' : `apps are ${apps.join(', ')}`,
    })
  }
  return (app === null ? apps : [app]).flatMap((id) =>
    storeFilesIn(join(folder, id, 'state')).map((file) => ({ app: id, file })),
  )
}

function directoriesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return (
      entries
        // What begins with a dot is the node's own: no app is called so.
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
        .sort()
    )
  } catch {
    // No app has run here.
    return []
  }
}
