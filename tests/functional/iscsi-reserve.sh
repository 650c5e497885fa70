#!/usr/bin/env bash
# fts-admin: reservations of an iSCSI target with all of SPC-4, by two hosts with two paths each.
. "$(dirname "$0")/../lib/sh.sh"
. "$(dirname "$0")/../lib/target.sh"

start_target lun 4
a="${urls[0]}?initiator=iqn.2026-01.ftsfs.test:a|${urls[1]}?initiator=iqn.2026-01.ftsfs.test:a"
b="${urls[0]}?initiator=iqn.2026-01.ftsfs.test:b|${urls[1]}?initiator=iqn.2026-01.ftsfs.test:b"
. "$(dirname "$0")/../lib/reserve.sh"
