#!/usr/bin/env bash
# LUN commands an operation, request/answer pairs and bytes moved stay within what is asked for;
# the limits are in tests/bench/counts.py.
. "$(dirname "$0")/../lib/sh.sh"

need_root
[ -c /dev/fuse ] || skip "no /dev/fuse"
check "LUN commands an operation" "$FTS_SOURCE/tests/bench/run" --counts --check
