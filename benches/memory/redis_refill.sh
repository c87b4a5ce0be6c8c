#!/bin/sh
# needs: redis-server python3
# Redis, filled, half emptied and filled again: redis_refill.py, the client, says how. This becomes the server, so that what is
# measured is that one process; the client has no preload. Debian's server is linked to jemalloc: with nothing preloaded it
# shall have the libc's malloc.
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
