#!/bin/sh
# Runs the ownership tests of pdk under valgrind: memory errors and leaks end it with code 9.
set -eu
cd "$(dirname "$0")/../.."
build=$(cargo test -p temblor-pdk --test ownership --no-run --message-format json)
binary=$(printf '%s\n' "$build" | sed -n 's|.*"executable":"\([^"]*/ownership-[^"]*\)".*|\1|p' | tail -n 1)
exec valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect \
    "$binary" --test-threads=1
