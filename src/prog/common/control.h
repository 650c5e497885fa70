/* control.h - a running program's socket: what fts-admin asks of it (fts-admin path, paths --running).
 *
 * A socket PROGRAM.PID in the run directory (run_dir.h), which only its owner can reach; and only
 * root and the program's own user are answered.  One request a connection: a line of JSON, answered
 * by a JSON document:
 *   {"do": "show"}                      {"ok": true, "program": ..., "lun": [...]}
 *   {"do": "add", "path": "file:..."}   {"ok": true}     add, remove, up, down
 *   {"do": "reload"}                    {"ok": false, "error": "..."}
 *
 * Threads: one of its own, which serves a request at a time; it ends with fts_control_stop(), before
 * what it shows is closed.
 */
#pragma once

#include "volume/volume.h"

typedef struct FtsControl FtsControl;

typedef struct {
  const char *program; /* "ftsd" */
  const char *what;    /* for people: a member's name, a mount point */
  FtsVolume *volume;
  FtsVolumeSpec spec; /* as the user gave it; copied */
} FtsControlConfig;

/* Never fails the program: a warning says what cannot be had; NULL when nothing can. */
FtsControl *fts_control_start (const FtsControlConfig *config);
/* Reads the volume's key file again (SIGHUP): returns at once, the thread logs what came of it.  NULL
 * is fine. */
void fts_control_reload (FtsControl *control);
/* NULL is fine. */
void fts_control_stop (FtsControl *control);
