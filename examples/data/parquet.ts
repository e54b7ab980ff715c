// Reads the columns of a Parquet file: just what vega-datasets' flights need (flat optional columns of 64-bit integers
// and strings; dictionary or plain pages; zstd or no compression). Format: parquet.apache.org/docs/file-format.

export type Column = (number | string | null)[]

/** Thrift compact protocol: a struct becomes a map from field id to value. */
type Field = number | boolean | Uint8Array | Struct | Field[]
type Struct = Map<number, Field>

class Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.at = at
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  byte(): number {
    return this.bytes[this.at++]!
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  take(length: number): Uint8Array {
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  struct(): Struct {
    const fields: Struct = new Map()
    for (let id = 0; ; ) {
      const head = this.byte()
      if (head === 0) return fields
      id = head >> 4 ? id + (head >> 4) : this.zigzag()
      fields.set(id, this.#field(head & 15))
    }
  }

  #field(type: number): Field {
    if (type === 1 || type === 2) return type === 1
    if (type === 3) return this.byte()
    if (type <= 6) return this.zigzag()
    if (type === 8) return this.take(this.varint())
    if (type === 9) return this.#list()
    if (type === 12) return this.struct()
    throw new Error(`thrift type ${type} is not supported`)
  }

  #list(): Field[] {
    const head = this.byte()
    const length = head >> 4 === 15 ? this.varint() : head >> 4
    const type = head & 15
    return Array.from({ length }, () => (type <= 2 ? this.byte() === 1 : this.#field(type)))
  }
}

const number = (struct: Struct, id: number) => struct.get(id) as number
const inner = (struct: Struct, id: number) => struct.get(id) as Struct
const structs = (struct: Struct, id: number) => struct.get(id) as Struct[]

/** All columns of the file by name, whole. */
export function readParquet(file: Uint8Array): Map<string, Column> {
  const footer = new Cursor(file, file.length - 8)
  const footerLength = footer.view.getUint32(footer.at, true)
  const metadata = new Cursor(file, file.length - 8 - footerLength).struct()
  const columns = new Map<string, Column>()
  for (const group of structs(metadata, 4)) {
    for (const chunk of structs(group, 1)) {
      const meta = inner(chunk, 3)
      const name = (meta.get(3) as Uint8Array[]).map((part) => new TextDecoder().decode(part)).join('.')
      const column = columns.get(name) ?? []
      columns.set(name, column)
      readChunk(file, meta, column)
    }
  }
  return columns
}

function readChunk(file: Uint8Array, meta: Struct, into: Column): void {
  const isText = number(meta, 1) === 6
  const isZstd = number(meta, 4) === 6
  const cursor = new Cursor(file, number(meta, 11) || number(meta, 9))
  let dictionary: (number | string)[] = []
  for (let remaining = number(meta, 5); remaining > 0; ) {
    const header = cursor.struct()
    const packed = cursor.take(number(header, 3))
    const page = new Cursor(isZstd ? Bun.zstdDecompressSync(packed as Uint8Array<ArrayBuffer>) : packed)
    if (number(header, 1) === 2) {
      dictionary = plain(page, number(inner(header, 7), 1), isText)
    } else if (number(header, 1) === 0) {
      remaining -= readPage(page, inner(header, 5), { dictionary, isText, into })
    } else throw new Error(`page type ${number(header, 1)} is not supported`)
  }
}

type PageTarget = { dictionary: readonly (number | string)[]; isText: boolean; into: Column }

/** One data page (version 1): definition levels (1 = a value, 0 = null), then the values that are there. */
function readPage(page: Cursor, header: Struct, { dictionary, isText, into }: PageTarget): number {
  const count = number(header, 1)
  const levelBytes = page.view.getUint32(page.at, true)
  page.at += 4
  const levels = hybrid(new Cursor(page.take(levelBytes)), 1, count)
  const present = levels.reduce((sum, level) => sum + level, 0)
  const values =
    number(header, 2) === 0
      ? plain(page, present, isText)
      : hybrid(page, page.byte(), present).map((index) => dictionary[index]!)
  let next = 0
  for (const level of levels) into.push(level ? values[next++]! : null)
  return count
}

function plain(page: Cursor, count: number, isText: boolean): (number | string)[] {
  const decoder = new TextDecoder()
  return Array.from({ length: count }, () => {
    if (isText) {
      const length = page.view.getUint32(page.at, true)
      page.at += 4
      return decoder.decode(page.take(length))
    }
    page.at += 8
    return Number(page.view.getBigInt64(page.at - 8, true))
  })
}

/** Runs of one value, alternating with groups of eight bit-packed ones. */
function hybrid(page: Cursor, bits: number, count: number): number[] {
  const values: number[] = []
  const width = Math.ceil(bits / 8)
  while (values.length < count) {
    const head = page.varint()
    if (head % 2 === 0) {
      let value = 0
      page.take(width).forEach((byte, index) => {
        value |= byte << (8 * index)
      })
      for (let run = head >> 1; run > 0; run--) values.push(value)
      continue
    }
    const packed = page.take((head >> 1) * bits)
    for (let bit = 0; bit < packed.length * 8; bit += bits) {
      let value = 0
      for (let index = 0; index < bits; index++) {
        const at = bit + index
        value |= ((packed[at >> 3]! >> (at & 7)) & 1) << index
      }
      values.push(value)
    }
  }
  values.length = count
  return values
}
