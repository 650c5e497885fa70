/* running.h - the programs that run on this host, asked over their sockets (prog/common/control.h).
 *
 * One thread.  A socket that nobody listens on any more is passed over.
 */
#pragma once

#include "prog/admin/command.h"

typedef struct {
  int pid;            /* 0 = any */
  const char *volume; /* its name, or how the programs were told of it; NULL = any */
} FtsRunningWhich;

typedef struct {
  char *socket;
  char *program, *what, *volume;
  int pid;
  JsonNode *shown; /* what the program says of itself */
} FtsRunning;

/* The programs that fit, by process number; none is an error (NOT_FOUND). */
GPtrArray *fts_running_find (const FtsRunningWhich *which, GError **error);

/* Asks one of them to do WHAT with PATH (or NULL); its answer's text in *DONE where it has one. */
bool fts_running_ask (const FtsRunning *running, const char *what, const char *path,
                      char **done, GError **error);
