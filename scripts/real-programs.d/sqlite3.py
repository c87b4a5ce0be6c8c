"""sqlite3: 200,000 rows inserted, indexed, joined, searched as text, vacuumed and checked"""

NEEDS = {"sqlite3": "sqlite3"}

SQL = """
pragma synchronous = off;
create table item(id integer primary key, owner integer, price real, name text, body blob);
create table owner(id integer primary key, name text);
with recursive n(i, r) as (select 1, 12345 union all select i + 1, (r * 1103515245 + 12345) % 2147483648 from n limit {rows})
  insert into item select i, r % 5000, r / 1000.0, printf('item %x %s', r, substr('abcdefghij', r % 7)), zeroblob(r % 300) from n;
insert into owner select distinct owner, 'owner ' || owner from item;
create index item_owner on item(owner, price);
create index item_name on item(name);
select o.name, count(*), round(sum(i.price), 3), max(i.name) from item i join owner o on o.id = i.owner
  group by o.id order by 3 desc limit 20;
select count(*) from item a join item b on b.name = a.name and b.id <> a.id;
select group_concat(x, ',') from (select substr(name, 1, 8) x, count(*) c from item group by x order by c desc, x limit 50);
create virtual table words using fts5(name);
insert into words select name from item where id % 10 = 0;
select count(*) from words where words match 'abc* OR item';
update item set body = zeroblob(0), name = name || id where id % 3 = 0;
delete from item where id % 7 = 0;
vacuum;
pragma integrity_check;
select count(*), sum(length(name)), sum(length(body)) from item;
"""


def load(run):
    run.write("load.sql", SQL.format(rows=200_000 * run.scale))
    run.call(["sqlite3", "-batch", "test.db"], stdin="load.sql", calls=10_000)
    run.call(["sqlite3", "test.db", ".sha3sum"])
    run.keep("test.db")
