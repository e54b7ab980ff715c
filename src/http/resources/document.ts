// The OpenAPI document of the routes, made when it is first asked for.
import { text } from '../answer.ts'
import { createDocument, type DocumentOptions } from '../document.ts'
import { type Route, route } from '../route.ts'
import { t } from '../shape.ts'

export function documentRoute(routes: readonly Route[], options: DocumentOptions): Route {
  let document: Promise<string> | undefined
  const self = route(
    {
      method: 'GET',
      path: '/swagger/json',
      access: 'public',
      tag: 'node',
      operation: 'document',
      summary: 'This document',
      answers: {
        200: { description: 'OpenAPI 3.0', schema: t.Object({}, { additionalProperties: true }) },
      },
    },
    async () => {
      document ??= createDocument([...routes, self], options)
      return text(await document, 'application/json; charset=utf-8')
    },
  )
  return self
}
