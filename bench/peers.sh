#!/bin/sh
# Gets the peers that the bench runs beside: Redis from the system's packages, nats-server >= 2.11 as a Go module (older
# packages of it know no `sync_interval: always`). What cannot be had is named at the end, and its rows are left out.
set -u
cd "$(dirname "$0")/.."
missing=''
if ! command -v redis-server >/dev/null; then
  { apt-get update && apt-get install -y redis-server; } || missing="$missing redis-server"
fi
go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || { apt-get update && apt-get install -y golang-go && go=$(command -v go); } || missing="$missing go"
mkdir -p dist/peers
if [ ! -x dist/peers/nats-server ]; then
  GOBIN="$PWD/dist/peers" "$go" install "github.com/nats-io/nats-server/v2@${NATS_VERSION:-v2.11}" ||
    missing="$missing nats-server"
fi
for each in taskset; do command -v "$each" >/dev/null || missing="$missing $each"; done
[ -z "$missing" ] || { echo "missing, so the bench goes without:$missing" >&2; exit 1; }
redis-server --version
dist/peers/nats-server --version
