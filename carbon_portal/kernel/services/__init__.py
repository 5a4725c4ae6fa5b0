"""The private PostgreSQL and Valkey: found, started, adopted and stopped without Django."""
