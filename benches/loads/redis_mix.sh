#!/bin/sh
# needs: redis-server redis-tools
# Redis: one pipelined client sets 150,000 keys of four kinds, deletes a third and appends to others. Debian's server
# is linked to jemalloc. It calls malloc, which the preloaded library serves, and the libc where none is preloaded.
# Only the server is measured: the client is another process and has no preload.
. "${0%/*}/load.inc"

inputs()
{
    awk 'BEGIN {
        x = 1
        text = "the bearing, the distance and the stone at the corner, thence along the brook to the place of beginning"
        for (i = 0; i < 150000; i++) {
            x = (x * 16807) % 2147483647
            value = substr(text, 1 + x % 60)
            kind = i % 8
            if (kind < 4) printf "SET key:%d \"%s%d\"\r\n", i, value, i
            else if (kind < 6) printf "HSET hash:%d field%d \"%s\"\r\n", x % 9973, i % 17, value
            else if (kind == 6) printf "RPUSH list:%d \"%s\"\r\n", x % 997, value
            else printf "ZADD zset:%d %d member-%d\r\n", x % 499, x % 10007, i
            if (i % 3 == 2) printf "DEL key:%d\r\n", x % (i + 1)
            if (i % 5 == 4) printf "APPEND key:%d \"%s\"\r\n", x % (i + 1), value
        }
    }' > commands
    cat > digest.lua <<'LUA'
local keys = redis.call('keys', '*')
table.sort(keys)
local lengths = 0
for _, key in ipairs(keys) do
  if redis.call('type', key).ok == 'string' then lengths = lengths + redis.call('strlen', key) end
end
return #keys .. ' keys, ' .. lengths .. ' bytes in strings'
LUA
}

program()
{
    socket=${TMPDIR:-/tmp}/metes-redis.$$
    (
        unset LD_PRELOAD
        until redis-cli -s "$socket" ping > ping 2>&1 && grep -q PONG ping; do sleep 0.01; done
        redis-cli -s "$socket" --pipe < commands > said
        redis-cli -s "$socket" eval "$(cat digest.lua)" 0
        redis-cli -s "$socket" shutdown nosave
    ) &
    export LD_PRELOAD="${LD_PRELOAD:-libc.so.6}"
    exec redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --loglevel warning --logfile "$PWD/log"
}

load redis-server redis-cli awk
