-- work.sql -- what SQLite does all day; each ROWS below is replaced by a number.
PRAGMA cache_size = -16000;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city TEXT, born INTEGER, note BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
INSERT INTO person SELECT i, 'name' || (i * 7919 % 10007), 'city' || (i * 31 % 97),
	1900 + i % 120, zeroblob(i * 13 % 700) FROM n;
CREATE INDEX by_name ON person (name, born);
CREATE TABLE sale (person INTEGER, amount REAL, day TEXT);
INSERT INTO sale SELECT id, id * 37 % 1000 / 10.0, date('2020-01-01', '+' || (id % 700) || ' days')
FROM person WHERE id % 3 <> 0;
SELECT city, count(*), sum(amount), group_concat(DISTINCT day)
FROM person JOIN sale ON sale.person = person.id GROUP BY city ORDER BY 3 DESC LIMIT 10;
SELECT day, sum(amount) OVER (ORDER BY day ROWS 7 PRECEDING) FROM
	(SELECT day, sum(amount) AS amount FROM sale GROUP BY day) ORDER BY day DESC LIMIT 20;
SELECT a.name, b.name FROM person a JOIN person b ON a.born = b.born AND a.name < b.name
WHERE a.id % 997 = 0 ORDER BY 1, 2 LIMIT 20;
UPDATE person SET name = upper(name) || hex(substr(note, 1, 20)) WHERE id % 2;
DELETE FROM person WHERE born % 7 = 3;
SELECT json_group_array(json_object('n', name, 'b', born)) FROM (SELECT * FROM person ORDER BY id LIMIT 200);
SELECT sum(length(replace(name, '0', 'zero'))), max(name) FROM person WHERE name LIKE '%9%';
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(length(note)) FROM person;
