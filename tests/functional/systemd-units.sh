#!/usr/bin/env bash
# systemd takes our units, and makes of lines of fstab what they mean.  No systemd need run.
# shellcheck source=tests/lib/sh.sh
. "$(dirname "$0")/../lib/sh.sh" || exit 99

command -v systemd-analyze >/dev/null || skip "no systemd-analyze (Debian's package systemd)"
generator=$(find /lib/systemd/system-generators /usr/lib/systemd/system-generators \
  -name systemd-fstab-generator 2>/dev/null | head -n 1)
[ -n "$generator" ] || skip "no systemd-fstab-generator (Debian's package systemd)"

# ---- units ----

mkdir "$work/units"
cp "$FTS_SOURCE"/contrib/systemd/*.service "$FTS_SOURCE"/contrib/systemd/*mount "$work/units"
sed -i "s|/usr/sbin/ftsd|$FTS_BUILD/src/prog/ftsd/ftsd|" "$work/units/ftsd.service"
for unit in "$work"/units/*; do
  systemd-analyze verify --man=no "$unit" 2>"$work/verify.log" || fail "$unit: $(cat "$work/verify.log")"
  # Of the machine's own units it may have its say.
  ! grep -e "$work/units" -e ftsd "$work/verify.log" || fail "$unit: see above"
  echo "ok: systemd takes ${unit##*/}"
done

# What the unit's reload runs first.
mkdir "$work/export"
printf '[export a]\npath=%s\n' "$work/export" >"$work/server.conf"
check "its reload checks the configuration" grep -q -- "--check-config --config" "$work/units/ftsd.service"
check "with options that there are" ftsd --check-config --config "$work/server.conf" >"$work/stdout"

# ---- lines of fstab ----

cat >"$work/fstab" <<TEXT
beta:/home /mnt/now  fuse.ftsfs volume=san0,_netdev 0 0
beta:/home /mnt/late fuse.ftsfs volume=san0,_netdev,noauto,nofail,x-systemd.automount,x-systemd.idle-timeout=600,x-systemd.mount-timeout=60 0 0
TEXT
mkdir "$work/made"
SYSTEMD_FSTAB=$work/fstab "$generator" "$work/made" "$work/made" "$work/made" 2>"$work/generator.log" ||
  fail "the generator: $(cat "$work/generator.log")"
made ()
{
  grep -qx -- "$2" "$work/made/$1"
}
check "a line becomes a mount unit" made mnt-now.mount "Type=fuse.ftsfs"
check "of the right source" made mnt-now.mount "What=beta:/home"
check "of a remote file system" test -e "$work/made/remote-fs.target.requires/mnt-now.mount"
check "x-systemd.automount makes an automount unit" made mnt-late.automount "Where=/mnt/late"
check "with its idle time" made mnt-late.automount "TimeoutIdleSec=10min"
check "noauto keeps the mount out of the start" test ! -e "$work/made/remote-fs.target.requires/mnt-late.mount"
for unit in mnt-now.mount mnt-late.automount; do
  check "systemd takes $unit" systemd-analyze verify --man=no "$work/made/$unit"
done

# What systemd hands to mount(8) is taken by the helper.
options=$(sed -n 's/^Options=//p' "$work/made/mnt-late.mount")
mkdir "$work/m"
check_fails "the helper takes these options" ftsfs beta:/home "$work/m" --fake -o "${options/volume=san0/volume=file:$work/none.img}"
check_stderr "it comes as far as the volume" "$work/none.img"
