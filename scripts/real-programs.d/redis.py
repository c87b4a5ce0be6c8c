"""redis: redis-benchmark over loopback, then known values, a background save and a check of both"""

NEEDS = {
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
    "redis-benchmark": "redis-tools",
}

# Everything in the database as one digest, whatever the order of the keys.
DIGEST = """
local keys = redis.call('keys', '*')
table.sort(keys)
local all = ''
for _, key in ipairs(keys) do
  local kind, value = redis.call('type', key).ok, nil
  if kind == 'string' then value = redis.call('get', key)
  elseif kind == 'list' then value = table.concat(redis.call('lrange', key, 0, -1), ' ')
  elseif kind == 'zset' then value = table.concat(redis.call('zrange', key, 0, -1, 'withscores'), ' ')
  else value = redis.call('hget', key, 'b') end
  all = redis.sha1hex(all .. key .. value)
end
return all .. ' ' .. #keys
"""


def known_values(count):
    for n in range(count):
        yield f"set key:{n} {'v' * (n % 500)}{n}"
        yield f"hset hash:{n % 1000} a {n} b {'h' * (n % 90)}"
        yield f"rpush list:{n % 100} element-{n}"
        yield f"zadd zset:{n % 50} {n * 7919 % 10007} member-{n}"
        if n % 3 == 0:
            yield f"del key:{n // 2}"
        if n % 5 == 0:
            yield f"append key:{n} {'tail' * 20}"


def load(run):
    port = run.port()
    server = run.start(["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", run.dir])
    run.wait_until(server, lambda: run.answers(port))
    cli = ["redis-cli", "-p", port]
    benchmark = ["redis-benchmark", "-p", port, "-q", "-c", 20, "-P", 16]

    requests = 60_000 * run.scale
    random_keys = "set,get,lpush,rpop,sadd,hset,spop,zadd,zpopmin,mset"
    run.call([*benchmark, "-n", requests, "-r", 20_000, "-d", 300, "-t", random_keys], compare=False)
    run.call([*cli, "flushall"], calls=0)
    run.call([*benchmark, "-n", requests, "-t", "incr,rpush"], compare=False)
    run.call([*cli, "get", "counter:__rand_int__"], calls=0)
    run.call([*cli, "llen", "mylist"], calls=0)

    run.write("values", "\n".join(known_values(20_000 * run.scale)))
    run.call(cli, stdin="values")
    run.call([*cli, "eval", DIGEST, 0], calls=0)
    run.call([*cli, "bgsave"], calls=0)
    run.wait_until(server, lambda: "rdb_bgsave_in_progress:0" in run.call([*cli, "info", "persistence"], compare=False, calls=0))
    run.note(next(line for line in run.call([*cli, "info", "persistence"], compare=False, calls=0).splitlines()
                  if line.startswith("rdb_last_bgsave_status")))  # fmt: skip
    run.finish(server, stop=True, calls=10_000)
