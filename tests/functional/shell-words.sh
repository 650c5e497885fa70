#!/usr/bin/env bash
# The words of tests/lib/sh.sh do what they say: a test that fails must be seen to fail.
# shellcheck disable=SC2016 # the snippets are run by another shell
. "$(dirname "$0")/../lib/sh.sh"

# run SNIPPET: as a test of its own; its status in $status, its directory in $work/dir.
run ()
{
  status=0
  printf '%s\n' ". \"\$FTS_SOURCE/tests/lib/sh.sh\"; echo \"\$work\" >'$work/dir'" "$1" >"$work/snippet.sh"
  bash "$work/snippet.sh" >"$work/out" 2>&1 || status=$?
}

run 'check "truth" true'
check_equal "a check that holds passes" "$status" 0
run 'check "truth" false; exit 0'
check_equal "a check that does not hold fails" "$status" 1
run 'check_fails "truth" true; exit 0'
check_equal "a command that should have failed fails the test" "$status" 1
run 'check_fails "a crash" bash -c "kill -SEGV \$\$"; exit 0'
check_equal "a crash is no proper failure" "$status" 1
run 'skip "no reason"'
check_equal "skip is 77" "$status" 77
run 'wait_for 1 "never" false; exit 0'
check_equal "a wait ends" "$status" 1
run 'check_at_most "number" 1.06 1.05; exit 0'
check_equal "numbers are compared as numbers" "$status" 1

run 'start sleeper sleep 100; echo "$pid" >'"$work"'/pid; exit 3'
check_equal "the status of the script is kept" "$status" 3
check "what was started is ended" is_gone "$(cat "$work/pid")"
check_fails "the private directory is removed" test -e "$(cat "$work/dir")"

run 'on_exit echo first; on_exit echo "second word"; exit 0'
check_equal "clean-up runs backwards" "$(tr '\n' ' ' <"$work/out")" "second word first "

run 'on_exit touch '"$work"'/cleaned; kill -TERM $$; sleep 5'
check_equal "an asked end is an end" "$status" 143
check "and cleans up" test -e "$work/cleaned"
