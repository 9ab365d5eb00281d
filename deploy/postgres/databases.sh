#!/bin/sh
# Runs once, when the server's data directory is new: a database for each service.
set -eu
for service in identity matters routing cases eseal notify licences; do
  createdb --username "$POSTGRES_USER" --template template0 --encoding UTF8 --locale C "duokua_$service"
done
