create table orders(id integer primary key, customer text, amount real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
    insert into orders select i, 'customer ' || (i * 7919 % 5003), i * 1.5 from n;
create index by_customer on orders(customer);
select count(*), sum(amount) from orders where customer like 'customer 1%';
select customer, count(*) from orders group by customer order by 2 desc, 1 limit 5;
update orders set customer = customer || ' x' where id % 3 = 0;
select count(*) from orders one join orders other on one.customer = other.customer where one.id < other.id;
delete from orders where id % 5 = 0;
select customer, avg(amount) over (partition by substr(customer, 1, 10)) from orders limit 3;
