#!/usr/bin/env bash
# Small files that are opened ahead of their readers (ahead.h): few requests, and never other bytes or rights
# than a file has when it is opened.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
other=$work/other
mount_ftsfs server:/lab "$other" name=other || fail "second mount"
chmod 755 "$work"

# fresh NAME: 100 small files in a folder that no mount has seen.
fresh ()
{
  local i
  mkdir "$export_dir/$1"
  for i in {1..100}; do echo "file $i of $1" >"$export_dir/$1/$i"; done
  folder=$mnt/$1
  wait_for 30 "the folder" test -d "$folder" -a -d "$other/$1"
  sleep 0.3 # the server hears of these files' making, too, and tells of it
}

# read_on FOLDER COMMAND [USER]: lists the folder, reads 10 files in order, so that further ones are open
# ahead, has the shell run COMMAND with the next one as $1, and prints what it reads of that and of all others.
read_on ()
{
  /usr/bin/python3 - "$@" <<'PY'
import os, subprocess, sys
folder, command, *user = sys.argv[1:]
entries = [entry.name for entry in os.scandir(folder)]
def read(name):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read()
    except OSError as error:
        return os.strerror(error.errno) + "\n"
texts = {name: read(name) for name in entries[:10]}
subprocess.run(["bash", "-c", command, "-", entries[10]], check=True)
if user:
    os.setresuid(-1, int(user[0]), -1)
sys.stdout.write(read(entries[10]))
texts.update((name, read(name)) for name in entries[11:])
sys.exit(not user and any(text != f"file {name} of {os.path.basename(folder)}\n"
                          for name, text in texts.items()))
PY
}

# ---- few requests ----
fresh few
before=$(calls)
check "reading all files in order" read_on "$folder" true >/dev/null
check_at_most "requests of listing and reading 100 files" "$(($(calls) - before))" 15
check_at_most "of them for files alone" "$(calls open)" 2
fresh listed
before=$(calls opens)
ls -lR "$folder" >/dev/null
cat "$folder/50" >/dev/null
check_equal "files opened ahead by who lists only" "$(calls opens)" "$before"

# ---- changes between opening ahead and opening ----
fresh a
export other export_dir mnt
check_equal "what another mount wrote" "$(read_on "$folder" 'echo other >"$other/a/$1"')" other
fresh b
check_equal "what another mount put in its place" \
  "$(read_on "$folder" 'echo place >"$other/b/new" && mv "$other/b/new" "$other/b/$1"')" place
fresh c
check_equal "what this mount wrote" "$(read_on "$folder" 'echo mine >"$mnt/c/$1"')" mine
fresh d
check_equal "what this mount put in its place" \
  "$(read_on "$folder" 'echo place >"$mnt/d/new" && mv "$mnt/d/new" "$mnt/d/$1"')" place
fresh e
check_equal "what a program of the server wrote, moments later" \
  "$(read_on "$folder" 'echo local >"$export_dir/e/$1"; sleep 0.2')" local
fresh f
check_equal "a file that another mount removed" "$(read_on "$folder" 'rm "$other/f/$1"')" \
  "No such file or directory"

# Readers that go on in order, while either mount writes, replaces and removes files, see what there is.
fresh many
check "random changes between reads" /usr/bin/python3 - "$folder" "$other/many" "${FTS_SEED:-1}" <<'PY'
import os, random, sys
views, pick = sys.argv[1:3], random.Random(int(sys.argv[3]))
wanted = {name: f"file {name} of many\n" for name in os.listdir(views[0])}

def change(step):
    folder, name = pick.choice(views), pick.choice(sorted(wanted))
    path, text = os.path.join(folder, name), f"step {step}\n" * pick.randrange(1, 50)
    way = pick.choice(("write", "write", "replace", "remove"))
    if way == "remove":
        if wanted[name] is not None:
            os.unlink(path)
        wanted[name] = None
        return
    with open(path + ".new" if way == "replace" else path, "w") as file:
        file.write(text)
    if way == "replace":
        os.rename(path + ".new", path)
    wanted[name] = text

def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None

for step in range(60):
    for view in views:
        for entry in list(os.scandir(view)):
            if pick.random() < 0.05:
                change(step)
            got = read(entry.path)
            if got != wanted[entry.name]:
                sys.exit(f"step {step}: {entry.path}: {got!r}, not {wanted[entry.name]!r}")
PY

# ---- rights ----
fresh g
check_equal "what was opened ahead for root is not another's" \
  "$(read_on "$folder" 'chmod 600 "$mnt"/g/*' 1234)" "Permission denied"
fresh h
chmod 600 "$export_dir"/h/*
ls -l "$folder" >/dev/null
check_equal "nor without a change" "$(read_on "$folder" true 1234)" "Permission denied"
fresh i
chown -R 1234 "$export_dir/i"
export -f read_on
check_equal "rights that were taken away by another mount" \
  "$(setpriv --reuid 1234 --clear-groups bash -c 'read_on "$1" "$2"' - "$folder" 'chmod 000 "$other/i/$1"')" \
  "Permission denied"

# ---- nothing stays open at the server ----
fresh j
check "reading some" /usr/bin/python3 - "$folder" <<'PY'
import os, sys
for entry in list(os.scandir(sys.argv[1]))[:10]:
    open(entry.path).close()
PY
# Bare descriptors (O_PATH) are the server's cache.
none_is_open ()
{
  /usr/bin/python3 - "$server_pid" "$export_dir/j/" <<'PY'
import os, pathlib, sys
process = pathlib.Path("/proc", sys.argv[1])
for fd in os.listdir(process / "fd"):
    try:
        flags = int((process / "fdinfo" / fd).read_text().split()[3], 8)
        name = os.readlink(process / "fd" / fd)
    except OSError:
        continue
    if name.startswith(sys.argv[2]) and not flags & os.O_PATH:
        sys.exit(1)
PY
}
check_fails "some are open ahead" none_is_open
rm "$folder/1"
wait_for 10 "the end of what was opened ahead, as a name goes" none_is_open

# ---- where it may not be ----
unmount "$other"
mount_ftsfs server:/lab "$other" "name=other,noac,stats=$work/noac.json" || fail "mount with noac"
mount_pid=$(pid_of_mount "$other")
mount_stats=$work/noac.json
fresh k
check "reading with noac" read_on "$other/k" true >/dev/null
check_equal "files opened ahead with noac" "$(calls opens)" 0
