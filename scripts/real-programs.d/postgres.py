"""postgres: initdb, pgbench over a unix socket, compiled and parallel queries; the balances checked by SQL"""

import glob
import signal

SERVER = "/usr/lib/postgresql/*/bin/postgres"
NEEDS = {SERVER: "postgresql"}

CHECK = """
select sum(abalance), count(*) from pgbench_accounts;
select sum(bbalance), sum(tbalance) from pgbench_branches join (select bid, sum(tbalance) tbalance from pgbench_tellers group by bid) t using (bid);
select sum(delta), count(*) from pgbench_history;
select md5(string_agg(aid || ':' || abalance, ',' order by aid)) from pgbench_accounts where abalance <> 0;
set jit_above_cost = 0; set jit_optimize_above_cost = 0; set jit_inline_above_cost = 0;
set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0;
select a.bid, count(*), sum(a.abalance::bigint * b.aid % 1000), max(length(a.filler || b.filler))
  from pgbench_accounts a join pgbench_accounts b on b.aid = (a.aid::bigint * 7919) % 100000 + 1 group by a.bid order by a.bid;
create table doc as select n, jsonb_build_object('id', n, 'tags', array_agg(md5((n * k)::text))) body
  from generate_series(1, 20000) n, generate_series(1, 5) k group by n;
create index on doc using gin (body);
select count(*), md5(string_agg(body::text, '' order by n)) from doc where body @> '{"id": 7}' or n % 2 = 0;
select amname, count(*) from pg_class join pg_am on pg_am.oid = relam where relname like 'pgbench%' group by 1 order by 1;
"""


def load(run):
    run.become("postgres")
    binaries = sorted(glob.glob(SERVER))[-1].removesuffix("postgres")
    run.call([f"{binaries}initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--locale=C", "-E", "UTF8", "-N"], compare=False)
    server = run.start(
        [f"{binaries}postgres", "-D", "data", "-k", run.dir, "-c", "listen_addresses=", "-c", "fsync=off"],
        stop_signal=signal.SIGINT)  # fmt: skip
    run.wait_until(server, lambda: b"ready to accept" in server.errors)
    run.env |= {"PGHOST": str(run.dir), "PGUSER": "postgres", "PGDATABASE": "postgres"}
    psql = [f"{binaries}psql", "-X", "-q", "-A", "-v", "ON_ERROR_STOP=1"]
    pgbench = [f"{binaries}pgbench"]

    run.call([*pgbench, "-q", "-i", "-s", 5], compare=False)
    run.call([*pgbench, "-n", "-c", 4, "-j", 2, "-t", 2_000 * run.scale, "--random-seed=1"], compare=False)
    run.call([*pgbench, "-n", "-c", 4, "-j", 2, "-t", 4_000 * run.scale, "--random-seed=2", "-M", "prepared", "-S"], compare=False)
    run.write("check.sql", CHECK)
    run.call([*psql, "-f", "check.sql"])
    run.finish(server, stop=True, served=10)
