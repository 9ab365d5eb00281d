#!/bin/sh
# Starts the broker with its two users, whose passwords are in secrets and so neither in definitions nor in the
# environment: `duokua` for the workers, and `duokua-watcher`, who may count what waits and do nothing else, for the apis.
# What is written are the salted hashes, among the definitions that the broker loads at its start.
set -eu
: "${BROKER_PASSWORD_FILE:=/run/secrets/broker-password}" "${BROKER_DEFINITIONS:=/etc/rabbitmq/definitions}"
: "${BROKER_WATCHER_PASSWORD_FILE:=/run/secrets/broker-watcher-password}"
export BROKER_PASSWORD_FILE BROKER_WATCHER_PASSWORD_FILE BROKER_DEFINITIONS
umask 077
erl -noshell -eval '
  User = fun(Name, Variable, Comma) ->
    {ok, Secret} = file:read_file(os:getenv(Variable)),
    Salt = crypto:strong_rand_bytes(4),
    Hash = base64:encode(<<Salt/binary, (crypto:hash(sha256, [Salt, string:trim(Secret)]))/binary>>),
    ["{\"name\": \"", Name, "\", \"password_hash\": \"", Hash, "\", ",
     "\"hashing_algorithm\": \"rabbit_password_hashing_sha256\", \"tags\": []}", Comma]
  end,
  Permission = fun(Name, What, Comma) ->
    ["{\"user\": \"", Name, "\", \"vhost\": \"/\", \"configure\": \"", What, "\", \"write\": \"", What,
     "\", \"read\": \"", What, "\"}", Comma]
  end,
  ok = file:write_file(filename:join(os:getenv("BROKER_DEFINITIONS"), "10-user.json"), [
    "{\"vhosts\": [{\"name\": \"/\"}], \"users\": [",
    User("duokua", "BROKER_PASSWORD_FILE", ", "), User("duokua-watcher", "BROKER_WATCHER_PASSWORD_FILE", ""),
    "], \"permissions\": [", Permission("duokua", ".*", ", "), Permission("duokua-watcher", "^$", ""), "]}\n"]),
  halt(0).'
if [ "$(id -u)" = 0 ]; then chown rabbitmq: "$BROKER_DEFINITIONS/10-user.json"; fi
exec docker-entrypoint.sh rabbitmq-server
