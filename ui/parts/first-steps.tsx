// What an empty node teaches: three lines from nothing to a live chart.
import type { JSX } from 'preact'
import { baseUrl } from '../api/client.ts'
import { CommandLine } from './copy.tsx'
import { Icon, type IconName } from './icon.tsx'

/** The text of examples/quickstart.ts, put in by the build: what is shown here is what the tests run. */
declare const __QUICKSTART__: string

export function produceCurl(topic: string): string {
  const url = new URL(`api/v1/topics/${encodeURIComponent(topic)}/records`, baseUrl()).href
  return `curl ${url} \\\n  -H 'content-type: application/json' \\\n  -d '{"records":[{"value":{"region":"north","amount":42}}]}'`
}

export function FirstSteps(): JSX.Element {
  return (
    <div class="steps">
      <Step
        number={1}
        icon="topics"
        title="Create a topic"
        text="A durable log, kept for seven days unless you say otherwise."
      >
        <CommandLine text="pspf topic create orders" />
      </Step>
      <Step
        number={2}
        icon="send"
        title="Send an event"
        text="With curl or from the command line. The answer comes once it is on disk."
      >
        <CommandLine label="curl" text={produceCurl('orders')} />
        <CommandLine
          label="command line"
          text={`echo '{"region":"north","amount":42}' | pspf produce orders`}
        />
      </Step>
      <Step
        number={3}
        icon="apps"
        title="Write one function"
        text="State, windows and output are committed together, exactly once."
      >
        <CommandLine text={'pspf examples show quickstart > quickstart.ts\npspf serve quickstart.ts'} />
        <CommandLine label="quickstart.ts" text={__QUICKSTART__} />
      </Step>
      <p class="steps-end">
        <Icon name="info" size={14} />
        In a hurry? <code>pspf serve --demo</code> starts with this machine's own metrics and recorded
        flights.
      </p>
    </div>
  )
}

function Step(props: {
  number: number
  icon: IconName
  title: string
  text: string
  children: JSX.Element | JSX.Element[]
}): JSX.Element {
  return (
    <section class="card step">
      <header>
        <span class="step-icon">
          <Icon name={props.icon} />
        </span>
        <div>
          <h2>
            {props.number}. {props.title}
          </h2>
          <p>{props.text}</p>
        </div>
      </header>
      {props.children}
    </section>
  )
}
