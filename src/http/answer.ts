// Makes responses. Everything the server sends is built here or in assets.ts, so that no answer lacks its headers.
import type { Problem } from './contract.ts'
import { dataHeaders } from './headers.ts'

// One Headers object for the common answers: copying it is cheaper than building it from names.
const jsonHeaders = new Headers({ ...dataHeaders, 'content-type': 'application/json; charset=utf-8' })
const textHeaders = new Headers({ ...dataHeaders, 'content-type': 'text/plain; charset=utf-8' })

export function json(value: unknown, status = 200): Response {
  return jsonText(JSON.stringify(value), status)
}

/** JSON that is text already: stored values go out as they are, never parsed and written again. */
export function jsonText(text: string, status = 200): Response {
  return new Response(text, { status, headers: jsonHeaders })
}

/** 201, with the address of what was made: `name` below the address that was asked. */
export function created(value: unknown, request: Request, name: string): Response {
  const response = json(value, 201)
  const collection = new URL(request.url).pathname.replace(/\/$/, '')
  response.headers.set('location', `${collection}/${encodeURIComponent(name)}`)
  return response
}

export function noContent(): Response {
  return new Response(null, { status: 204, headers: dataHeaders })
}

export function text(body: string, contentType?: string): Response {
  if (contentType === undefined) return new Response(body, { headers: textHeaders })
  return new Response(body, { headers: { ...dataHeaders, 'content-type': contentType } })
}

export function ndjson(body: ReadableStream<Uint8Array> | null): Response {
  return new Response(body, { headers: { ...dataHeaders, 'content-type': 'application/x-ndjson' } })
}

export function problemResponse(problem: Problem): Response {
  const headers = new Headers(dataHeaders)
  headers.set('content-type', 'application/problem+json')
  if (problem.status === 401) headers.set('www-authenticate', 'Bearer realm="pspf"')
  if (problem.status === 503 && problem.retriable) headers.set('retry-after', '1')
  if (typeof problem['allow'] === 'string') headers.set('allow', problem['allow'])
  // The body of a refused request is not read, so the connection cannot carry another one.
  if (problem.status === 413) headers.set('connection', 'close')
  return new Response(JSON.stringify(problem), { status: problem.status, headers })
}
