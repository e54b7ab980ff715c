#!/bin/sh
# Puts RocksDB's C library on a Debian machine, for the tests of the store that uses it. They are skipped where it is not.
set -eu
apt-get update
apt-get install -y --no-install-recommends librocksdb-dev
