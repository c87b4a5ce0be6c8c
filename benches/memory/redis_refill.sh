#!/bin/sh
# needs: redis-server python3
# Redis is filled, half emptied and filled again, as redis_refill.py, the client, says. This script becomes the
# server, so that only that process is measured. The client has no preload. Debian's server is linked to jemalloc:
# with nothing preloaded it gets the libc's malloc.
#
#     redis_refill.sh BYTES SAMPLES
set -eu
here=$(cd "$(dirname "$0")" && pwd)
socket=$(mktemp -u "${TMPDIR:-/tmp}/metes-redis.XXXXXX")
(
    unset LD_PRELOAD
    exec /usr/bin/python3 -S "$here/redis_refill.py" "$socket" "$@"
) &
export LD_PRELOAD="${LD_PRELOAD:-libc.so.6}"
exec redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --activedefrag no --loglevel warning --logfile /dev/null
