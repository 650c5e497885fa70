#!/usr/bin/env bash
# On a terminal fts prompts, draws a bar, and Ctrl-C ends the command but not the program.
. "$(dirname "$0")/../lib/sh.sh"

there=$work/there
here=$work/here
mkdir "$there" "$here"
cd "$here" || exit 99
make_volume
start_server south --export "data=$there:rw"
mkdir "$there/sub"
head -c 600M /dev/zero | tr '\0' x >"$there/big"
echo small >"$there/small"

cat >"$work/drive.py" <<'PY'
import os, pty, select, sys, time

volume = sys.argv[1]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("fts", ["fts", "--volume", volume, "south:/data"])

seen = b""

def expect(*wanted, seconds=30):
    """Reads until one of WANTED has come; what came up to it is used up."""
    global seen
    end = time.monotonic() + seconds
    while True:
        for text in wanted:
            if text in seen:
                before, _, seen = seen.partition(text)
                return before + text
        if time.monotonic() > end or not select.select([terminal], [], [], 1)[0]:
            if time.monotonic() > end:
                sys.exit(f"no {wanted} in {seen!r}")
            continue
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            sys.exit(f"it ended without {wanted}: {seen!r}")

def say(text):
    os.write(terminal, text.encode())

expect(b"south:/> ")
say("dir -1\n")
expect(b"small")
expect(b"south:/> ")
say("cd sub\n")
expect(b"south:/sub> ")
say("nonsense\n")
expect(b"no command")
expect(b"south:/sub> ")
say("cd ..\n")
expect(b"south:/> ")
say("half a line\x03")
expect(b"south:/> ")
say("get small\n")
expect(b"small -> small: 6 B in")
expect(b"south:/> ")
for attempt in range(5):
    say("get -f big\n")
    bar = expect(b"/s ", b"big -> big")
    if b"->" in bar:
        expect(b"> ")
        continue
    if b"%" not in bar:
        sys.exit(f"no bar: {bar!r}")
    say("\x03")
    if b"interrupted" in expect(b"interrupted", b"big -> big"):
        break
    expect(b"> ")
else:
    print("ok: (this machine is too fast to interrupt it)")
expect(b"south:/> ")
say("get -cf big\n")
expect(b"big -> big: 600 MiB in")
expect(b"south:/> ")
say("quit\n")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
PY
check "a session on a terminal" timeout 60 /usr/bin/python3 "$work/drive.py" "$volume"
check "what was interrupted is whole in the end" cmp big "$there/big"
check_equal "nothing else is left" "$(ls -A)" "big
small"
