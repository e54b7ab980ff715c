// One route as data: what it takes, who may call it, what it answers, and the function that does it. The router serves
// routes, document.ts describes them; neither can know something the other does not.
import type { Problem } from './contract.ts'
import type { HttpLimits } from './limits.ts'
import type { Access } from './security.ts'
import type { Static, TObject, TSchema } from './shape.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** One request on its way through a route. */
export type Call<Query = unknown, Body = unknown> = {
  readonly request: Request
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly limits: HttpLimits
  /** For what a public route tells only some: whether the caller may do what asks for this access. */
  admits(access: Access): boolean
  /** Reads a body that is not plain JSON; its memory is counted until `use` is done. */
  withBody<T>(use: (body: Uint8Array) => T | Promise<T>): Promise<T>
  /**
   * For long polls and streams: lifts the idle limit, takes one of `waitingMax` places, and answers a signal that fires
   * when the client leaves or the server stops. `done` gives the place back.
   */
  wait(): { readonly signal: AbortSignal; done(): void }
  /** For failures after the answer has begun: logs what must be logged, answers what may be said. */
  report(thrown: unknown): Problem
}

type Answer = Response | Promise<Response>

/** What a route may answer, for the document: a model's name, or `text`, `none` and so on. */
export type AnswerShape = {
  readonly description: string
  readonly schema?: TSchema
  readonly mediaTypes?: readonly string[]
}

export type RouteDescription = {
  readonly method: Method
  /** `/api/v1/topics/:topic` */
  readonly path: string
  readonly access: Access
  readonly tag: string
  readonly operation: string
  readonly summary: string
  readonly description?: string
  readonly answers: Readonly<Record<number, AnswerShape>>
  /** Query parameters; every one is optional. */
  readonly query?: TObject
  /** A JSON body, read and checked before `handle`. */
  readonly body?: TSchema
  /** Bodies that `handle` reads itself, for the document. */
  readonly rawBodies?: Readonly<Record<string, TSchema>>
  /** Asked for so often that finding it must cost nothing; its path has one parameter. */
  readonly isHot?: boolean
}

export type Route = RouteDescription & { handle(call: Call): Answer }

/** Ties the types of query and body to the handler's. */
export function route<Query extends TObject = TObject, Body extends TSchema = TSchema>(
  description: RouteDescription & { readonly query?: Query; readonly body?: Body },
  handle: (call: Call<Static<Query>, Static<Body>>) => Answer,
): Route {
  return { ...description, handle: handle as (call: Call) => Answer }
}
