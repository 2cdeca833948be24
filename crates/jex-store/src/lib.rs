//! What JEX remembers, in PostgreSQL.
