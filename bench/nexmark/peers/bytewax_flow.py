"""QUERY INPUT OUTPUT: a query as Bytewax expresses it, from a file into a file. Prints "position output" now and then."""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

query, source, target = sys.argv[1:4]
counts = {"in": 0, "out": 0}
EVERY = 20_000


def say():
    print(counts["in"], counts["out"], flush=True)


def parse(line):
    counts["in"] += 1
    if counts["in"] % EVERY == 0:
        say()
    return json.loads(line)


def write(row):
    counts["out"] += 1
    return ("", json.dumps(row, separators=(",", ":")))


flow = Dataflow("nexmark")
events = op.map("parse", op.input("in", flow, FileSource(source, batch_size=1000)), parse)
bids = op.filter("bids", events, lambda event: event["kind"] == "bid")

if query == "q0":
    rows = op.map(
        "copy", bids, lambda b: {k: b[k] for k in ("auction", "bidder", "price", "dateTime", "extra")}
    )
elif query == "q1":
    rows = op.map(
        "euros",
        bids,
        lambda b: {
            "auction": b["auction"],
            "bidder": b["bidder"],
            "price": b["price"] * 908 / 1000,
            "dateTime": b["dateTime"],
            "extra": b["extra"],
        },
    )
elif query == "q2":
    some = op.filter("some", bids, lambda b: b["auction"] % 123 == 0)
    rows = op.map("pair", some, lambda b: {"auction": b["auction"], "price": b["price"]})
elif query == "q11":
    zero = datetime(1970, 1, 1, tzinfo=timezone.utc)
    clock = win.EventClock(
        ts_getter=lambda b: zero + timedelta(milliseconds=b["dateTime"]),
        wait_for_system_duration=timedelta(seconds=0),
    )

    def add(state, bid):
        at = bid["dateTime"]
        if state is None:
            return [1, at, at]
        return [state[0] + 1, min(state[1], at), max(state[2], at)]

    def merge(a, b):
        return [a[0] + b[0], min(a[1], b[1]), max(a[2], b[2])]

    keyed = op.key_on("key", bids, lambda b: str(b["bidder"]))
    visits = win.fold_window(
        "visits",
        keyed,
        clock,
        win.SessionWindower(gap=timedelta(seconds=10)),
        lambda: None,
        add,
        merge,
    )
    rows = op.map(
        "row",
        visits.down,
        lambda kv: {
            "bidder": int(kv[0]),
            "bids": kv[1][1][0],
            "start": kv[1][1][1],
            "end": kv[1][1][2] + 10_000,
        },
    )
else:
    raise SystemExit(f"no {query}")

op.output("out", op.map("write", rows, write), FileSink(target))
run_main(flow)
say()
time.sleep(60)
