#!/bin/sh
# Makes the cluster on the first start, then becomes the server. Uses nothing but the shell's own commands.
set -eu

case "${1:-postgres}" in
  postgres) [ $# -eq 0 ] || shift ;;
  -*) ;;
  *) exec "$@" ;;
esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?must be set to a password for the superuser}"
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  (umask 077 && printf '%s' "$POSTGRES_PASSWORD" >/tmp/password)
  initdb --pgdata "$PGDATA" --username "$user" --pwfile /tmp/password --auth-local trust \
    --auth-host scram-sha-256 --encoding UTF8 --no-locale --no-sync
  : >/tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    printf 'create database "%s"\n' "$database" | postgres --single -D "$PGDATA" postgres
  fi
fi

exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
