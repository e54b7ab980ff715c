// What a node and the process of an app say to each other, over the runtime's own channel between parent and child
// (structured clone, so that batches travel as bytes). Measured in a compiled binary as child of itself on 2 cores: round
// trip p50 16-47 µs, 337 MB/s in messages of 4 KB, 1.2 GB/s in messages of 64 KB and more. Own frames over a Unix socket
// gave 461 MB/s and 1.4-2.2 GB/s: not worth a second protocol.
import type { LogFields } from '#base'
import type { GraphDescription, LogPort, RunningStatus } from '../api.ts'
import type { Preview } from '../change/preview.ts'
import type { Rebuild } from '../change/settle.ts'
import type { TableAnswer, TableQuestion } from '../tables/table-question.ts'
import type { ErrorMessage, Failure } from './failure.ts'

/** Arguments of the child's command line after the mode word: the app's file and the data directory, both absolute. */
export type ChildArguments = readonly [file: string, dataDirectory: string]

export type PortMethod = keyof LogPort

export type FromChild =
  /** The file is loaded. The child waits for `begin`. */
  | {
      readonly t: 'declare'
      readonly app: string
      readonly graph: GraphDescription
      /** What the app says its process may have; null leaves it to the node. */
      readonly memoryBytesMax: number | null
      readonly extras: unknown
    }
  | { readonly t: 'previewed'; readonly preview: Preview }
  | { readonly t: 'preview-refused'; readonly error: ErrorMessage }
  /** Every second, and when the state changes; `status` is null until the app runs. Doubles as a sign of life. */
  | { readonly t: 'status'; readonly status: RunningStatus | null; readonly memoryBytes: number }
  /** The last message of a child that gives up. */
  | { readonly t: 'failed'; readonly failure: Failure }
  | {
      readonly t: 'call'
      readonly id: number
      readonly method: PortMethod
      readonly args: readonly unknown[]
    }
  /** The answer to a question, or why there is none. */
  | { readonly t: 'told'; readonly id: number; readonly answer: TableAnswer }
  | { readonly t: 'untold'; readonly id: number; readonly error: ErrorMessage }
  | {
      readonly t: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: LogFields
      readonly message: string
    }

export type ToChild =
  | { readonly t: 'begin'; readonly rebuild: Rebuild | null }
  /** Instead of `begin`: what would it change? */
  | { readonly t: 'preview'; readonly rebuild: Omit<Rebuild, 'after'> }
  | { readonly t: 'pause' }
  | { readonly t: 'resume' }
  /** About the state of the app. */
  | { readonly t: 'ask'; readonly id: number; readonly question: TableQuestion }
  /** Commit, close and exit. */
  | { readonly t: 'stop' }
  | { readonly t: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly t: 'refusal'; readonly id: number; readonly error: ErrorMessage }

const fromChild = new Set<unknown>([
  'declare',
  'previewed',
  'preview-refused',
  'status',
  'failed',
  'call',
  'log',
  'told',
  'untold',
] satisfies FromChild['t'][])

/** User code shares the child's process and could send anything: what is not ours is ignored. */
export function isFromChild(message: unknown): message is FromChild {
  return typeof message === 'object' && message !== null && fromChild.has((message as { t?: unknown }).t)
}

/**
 * Bytes travel as buffers, without a view on them: the channel looks at every message for views, and takes four times as
 * long over a megabyte in one (2.9 ms there and back, 0.8 as a buffer). A view of a part of its buffer is copied out.
 */
export function packed(bytes: Uint8Array): ArrayBuffer {
  const { buffer } = bytes
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? buffer
    : new Uint8Array(bytes).buffer
}

/** What `packed` made, as it was; anything else stays what it is, and whoever takes it refuses it. */
export function unpacked(value: unknown): unknown {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value
}
