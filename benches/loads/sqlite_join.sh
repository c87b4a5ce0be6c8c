#!/bin/sh
# needs: sqlite3
# SQLite: tables in memory joined, grouped and sorted.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.sql <<'EOF'
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, town INTEGER);
CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER, amount INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO towns SELECT i, 'town ' || (i * 7919 % 2003) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
    INSERT INTO people SELECT i, 'person ' || (i * 104729 % 50021), 1 + i * 31 % 2000 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)
    INSERT INTO orders SELECT i, 1 + i * 7907 % 50000, i * 13 % 997, 'note ' || (i % 1013) FROM n;
CREATE INDEX orders_by_person ON orders (person);
SELECT count(*), sum(total) FROM (
    SELECT towns.name AS town, people.name AS person, sum(amount) AS total, group_concat(note, ', ') AS notes
    FROM orders JOIN people ON people.id = orders.person JOIN towns ON towns.id = people.town
    GROUP BY towns.name, people.name ORDER BY notes DESC, total);
SELECT note, count(*), max(people.name) FROM orders JOIN people ON people.id = person
    WHERE amount > 500 GROUP BY note ORDER BY 2 DESC, 1 LIMIT 20;
SELECT sum(length(upper(name) || replace(note, 'note', printf('%08d', amount)))) FROM orders JOIN people ON people.id = person;
EOF
}

program() { exec sqlite3 -batch -bail :memory: < load.sql; }

load sqlite3
