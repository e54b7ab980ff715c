#!/bin/sh
# Gets the peers of the NEXMark bench with their ordinary package clients, into a cache outside the repository:
# PSPF_PEERS, or ~/.cache/pspf-peers. Needs Java 17, Maven and Python 3.11 or 3.12. What cannot be had is named at the
# end, and the bench goes without it.
set -u
cd "$(dirname "$0")"
cache="${PSPF_PEERS:-$HOME/.cache/pspf-peers}"
missing=''
# What reads the events and writes the rows is the same for both, and lies in jvm/.
jvm() {
  mkdir -p "$cache/$1/classes"
  mvn -q -B -f "$1/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$cache/$1/lib" &&
    javac -nowarn -d "$cache/$1/classes" -cp "$cache/$1/lib/*" jvm/*.java "$1"/*.java ||
    missing="$missing $1"
}
jvm kafka
jvm flink
{ [ -x "$cache/python/bin/python" ] || python3 -m venv "$cache/python"; } &&
  "$cache/python/bin/pip" install -q 'bytewax==0.21.1' || missing="$missing bytewax"
mkdir -p "$cache/rxjs" && (cd "$cache/rxjs" && { [ -f package.json ] || echo '{"private":true}' >package.json; } &&
  bun add --exact rxjs@7.8.2 >/dev/null) || missing="$missing rxjs"
[ -z "$missing" ] || { echo "missing, so the bench goes without:$missing" >&2; exit 1; }
