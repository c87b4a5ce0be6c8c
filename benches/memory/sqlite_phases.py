"""SQLite in memory: rows come, grow and go.

    sqlite_phases.py ROUNDS ROWS

ROUNDS times, ROWS rows are inserted, half of all get a longer body, and two thirds are deleted. Another table is
made, indexed, queried and dropped.
"""

import sqlite3
import sys

from sampling import finish, sample

AT_ONCE = 2000
work, number = 0, 1


def numbers():
    """The same numbers in every run."""
    global number
    number = number * 16807 % 2147483647
    return number


def rows(first, count):
    for n in range(first, first + count):
        x = numbers()
        yield n, x % 100003, f"name {x % 50021}", "the bearing, the distance and the stone at the corner" * (1 + x % 7)


def step(database, statement, values):
    global work
    database.executemany(statement, values)
    database.commit()
    work += len(values)
    sample(work)


def all_steps(database, statement, keys):
    for start in range(0, len(keys), 5 * AT_ONCE):
        step(database, statement, [(key,) for key in keys[start : start + 5 * AT_ONCE]])


def main():
    rounds, count = map(int, sys.argv[1:])
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, name TEXT, body TEXT)")
    database.execute("CREATE INDEX by_k ON t (k)")
    database.execute("CREATE INDEX by_name ON t (name)")
    for turn in range(rounds):
        for start in range(0, count, 5 * AT_ONCE):
            step(database, "INSERT INTO t VALUES (?, ?, ?, ?)", list(rows(turn * count + start, 5 * AT_ONCE)))
        keys = [key for (key,) in database.execute("SELECT id FROM t ORDER BY k, id")]
        all_steps(database, "UPDATE t SET body = body || name || body WHERE id = ?", keys[::2])
        all_steps(database, "DELETE FROM t WHERE id = ?", [key for n, key in enumerate(keys) if n % 3])
        database.execute("CREATE TABLE u AS SELECT k, count(*) AS n, max(body) AS body FROM t GROUP BY k")
        database.execute("CREATE INDEX u_by_n ON u (n, k)")
        sample(work)
        list(database.execute("SELECT sum(length(t.body)), sum(u.n) FROM t JOIN u USING (k) GROUP BY t.name ORDER BY 1 LIMIT 10"))
        database.execute("DROP TABLE u")
        sample(work)
    finish(work)


main()
