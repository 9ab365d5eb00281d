#!/bin/sh
# Starts the broker with its one user, whose password is in a secret and so neither in definitions nor in the environment.
# What is written is the salted hash, among the definitions that the broker loads at its start.
set -eu
: "${BROKER_PASSWORD_FILE:=/run/secrets/broker-password}" "${BROKER_DEFINITIONS:=/etc/rabbitmq/definitions}"
export BROKER_PASSWORD_FILE BROKER_DEFINITIONS
umask 077
erl -noshell -eval '
  {ok, Secret} = file:read_file(os:getenv("BROKER_PASSWORD_FILE")),
  Salt = crypto:strong_rand_bytes(4),
  Hash = base64:encode(<<Salt/binary, (crypto:hash(sha256, [Salt, string:trim(Secret)]))/binary>>),
  ok = file:write_file(filename:join(os:getenv("BROKER_DEFINITIONS"), "10-user.json"), [
    "{\"vhosts\": [{\"name\": \"/\"}], \"users\": [{\"name\": \"duokua\", \"password_hash\": \"", Hash, "\", ",
    "\"hashing_algorithm\": \"rabbit_password_hashing_sha256\", \"tags\": []}], ",
    "\"permissions\": [{\"user\": \"duokua\", \"vhost\": \"/\", ",
    "\"configure\": \".*\", \"write\": \".*\", \"read\": \".*\"}]}\n"]),
  halt(0).'
if [ "$(id -u)" = 0 ]; then chown rabbitmq: "$BROKER_DEFINITIONS/10-user.json"; fi
exec docker-entrypoint.sh rabbitmq-server
