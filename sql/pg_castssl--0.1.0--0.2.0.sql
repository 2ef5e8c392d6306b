/* pg_castssl--0.1.0--0.2.0.sql */

-- complain if the script is sourced in psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_castssl UPDATE TO '0.2.0'" to load this file. \quit
