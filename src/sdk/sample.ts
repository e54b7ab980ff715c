// Data sets that the executable carries, to try things with: examples/data/README.md names their source and licence.
import { samples } from '#embedded'

/** One flight that departed in the USA in the two weeks from 11 June 2001, 05:00. */
export type Flight = {
  /** Departure on the clock of the origin airport, read as UTC. */
  readonly at: number
  /** Airport codes (IATA). */
  readonly origin: string
  readonly destination: string
  /** Miles. */
  readonly distance: number
  /** Minutes late on arrival; negative is early. */
  readonly delay: number
}

export type Samples = { readonly flights: readonly Flight[] }

const decode: { readonly [Name in keyof Samples]: (csv: string) => Samples[Name] } = { flights: readFlights }

/**
 * All rows of a data set, by time.
 * @example const flights = await sample('flights')
 */
export async function sample<Name extends keyof Samples>(name: Name): Promise<Samples[Name]> {
  const file = samples[name]
  if (file === undefined || !Object.hasOwn(decode, name)) {
    throw new Error(`there is no sample "${name}"; there are ${Object.keys(decode).join(', ')}`)
  }
  const packed = await Bun.file(file).bytes()
  return decode[name](new TextDecoder().decode(await Bun.zstdDecompress(packed)))
}

type Cells = [minutes: string, origin: string, destination: string, distance: string, delay: string]

/** `minutes,origin,destination,distance,delay`: minutes since the row before, the first since 1970; empty is 0. */
function readFlights(csv: string): Flight[] {
  // One string per airport instead of two per flight: 234,050 rows would hold on to the whole text otherwise.
  const airports = new Map<string, string>()
  const airport = (code: string) => {
    const known = airports.get(code)
    if (known === undefined) airports.set(code, code)
    return known ?? code
  }
  const flights: Flight[] = []
  let minute = 0
  for (let end = csv.indexOf('\n'); ; ) {
    const start = end + 1
    end = csv.indexOf('\n', start)
    if (end < 0) return flights
    const [minutes, origin, destination, distance, delay] = csv.slice(start, end).split(',') as Cells
    minute += Number(minutes)
    flights.push({
      at: minute * 60_000,
      origin: airport(origin),
      destination: airport(destination),
      distance: Number(distance),
      delay: Number(delay),
    })
  }
}
