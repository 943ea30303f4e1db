-- What PostgreSQL's pgoutput says (protocol version 1) of changes of every kind, as hex, a message a line. On a database of
-- its own, in a server with wal_level = logical.
\set ON_ERROR_STOP on
set client_min_messages = warning;
create table plain (id bigint primary key, note text, doubled bigint generated always as (id * 2) stored);
create table "Composite ""key""" (b text, a integer, "Größe" numeric(6, 2), primary key (b, a));
create table whole (id integer, big text, small text);
alter table whole replica identity full;
alter table whole alter big set storage external;
create table parts (id integer primary key, note text) partition by list (id);
create table parts_1 partition of parts for values in (1);
create publication audit for table plain, "Composite ""key""", whole, parts_1;
select from pg_create_logical_replication_slot('audit_vectors', 'pgoutput');
insert into plain (id, note) values (1, 'one'), (2, null), (3, ''), (4611686018427387903, E'tab\t \\ " ünï 😀');
update plain set note = 'two' where id = 2;
update plain set id = 4 where id = 3;
delete from plain where id = 4;
insert into "Composite ""key""" values ('x', 1, 1.50), ('y', -2, null);
update "Composite ""key""" set a = 3 where b = 'x';
delete from "Composite ""key""" where b = 'y';
insert into whole values (1, repeat('big', 1000), 'a');
update whole set small = 'b';
update whole set big = null;
delete from whole;
insert into parts values (1, 'leaf');
truncate parts, plain restart identity cascade;
begin;
insert into plain (id) values (10);
alter table plain add column later text default 'there';
insert into plain (id) values (11);
savepoint s;
insert into plain (id) values (12);
rollback to s;
select from pg_logical_emit_message(true, 'audit', 'not asked for');
commit;
select encode(data, 'hex') from pg_logical_slot_get_binary_changes('audit_vectors', null, null, 'proto_version', '1', 'publication_names', 'audit');
select from pg_drop_replication_slot('audit_vectors');
