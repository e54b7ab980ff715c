// Parses JSON without rounding: a number that JavaScript cannot hold stays the text it was, and is written as that text
// again. Ids of 64 bits live in many people's records, and 9007199254740993 must not come out as ...992.

/** A run of digits that may exceed what a double holds. Rare, so that almost every text takes the fast way. */
const mayBeRounded = /\d{16}/

type Source = { readonly source?: string }
type RawJson = { rawJSON(text: string): unknown }

/** As `JSON.parse`, but `JSON.stringify(parseExact(text))` keeps every digit. */
export function parseExact(text: string): unknown {
  if (!mayBeRounded.test(text)) return JSON.parse(text)
  return JSON.parse(text, ((_key: string, value: unknown, { source }: Source = {}) => {
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value
    return Number.isSafeInteger(value) || !mayBeRounded.test(source)
      ? value
      : (JSON as unknown as RawJson).rawJSON(source)
  }) as (key: string, value: unknown) => unknown)
}
