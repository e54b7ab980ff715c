// Makes flights.csv.zst, the data set behind `sample('flights')`, from the npm package vega-datasets:
//   bun examples/data/make-flights.ts
// Two whole weeks, so that a replay can start over with the same weekdays. See README.md.
import { type Column, readParquet } from './parquet.ts'

// Early on a Monday, when the day begins: a replay that starts at night looks dead.
const firstMinute = Date.parse('2001-06-11T05:00Z') / 60_000
const minutes = 14 * 24 * 60
const sizeBytesMax = 1_000_000

const source = new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url)
const columns = readParquet(await Bun.file(source).bytes())
const column = (name: string): Column => columns.get(name) ?? []
const [date, origin, destination, distance, delay] = [
  column('date'),
  column('origin'),
  column('destination'),
  column('distance'),
  column('delay'),
]

const rows: { minute: number; text: string }[] = []
for (let row = 0; row < date.length; row++) {
  const minute = Math.floor(Number(date[row]) / 60_000_000)
  if (minute < firstMinute || minute >= firstMinute + minutes) continue
  rows.push({ minute, text: `${origin[row]},${destination[row]},${distance[row]},${delay[row]}` })
}
rows.sort((a, b) => a.minute - b.minute || (a.text < b.text ? -1 : 1))

let previous = 0
const lines = rows.map(({ minute, text }) => {
  const step = minute - previous
  previous = minute
  return `${step || ''},${text}`
})
const csv = `minutes,origin,destination,distance,delay\n${lines.join('\n')}\n`
const packed = Bun.zstdCompressSync(new TextEncoder().encode(csv), { level: 22 })
if (packed.length > sizeBytesMax) throw new Error(`${packed.length} bytes are more than ${sizeBytesMax}`)
await Bun.write(new URL('flights.csv.zst', import.meta.url), packed)
console.log(`${rows.length} flights, ${csv.length} bytes of CSV, ${packed.length} bytes packed`)
