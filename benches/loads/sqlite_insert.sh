#!/bin/sh
# needs: sqlite3
# SQLite: 200,000 rows, each by a statement of its own, into a table in memory with two indexes.
. "${0%/*}/load.inc"

inputs()
{
    awk 'BEGIN {
        print "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, name TEXT, body TEXT);"
        print "CREATE INDEX by_k ON t (k);"
        print "CREATE INDEX by_name ON t (name);"
        print "BEGIN;"
        x = 1
        for (i = 1; i <= 200000; i++) {
            x = (x * 16807) % 2147483647
            printf "INSERT INTO t VALUES (%d, %d, '\''name %d'\'', '\''%s'\'');\n", i, x % 100003, x % 50021, substr("the bearing, the distance and the stone at the corner", 1 + x % 40)
        }
        print "COMMIT;"
        print "SELECT count(*), sum(k), count(DISTINCT name), sum(length(body)) FROM t;"
        print "SELECT sum(id * k % 1009) FROM t WHERE name < '\''name 3'\'';"
    }' > load.sql
}

program() { exec sqlite3 -batch -bail :memory: < load.sql; }

load sqlite3 awk
