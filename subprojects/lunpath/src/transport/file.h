/* transport/file.h - shared by file.c (commands) and file-wait.c (waiting). */
#pragma once

#include <lunpath/emul.h>
#include <lunpath/transport.h>

typedef struct {
  LunTransport base;
  LunEmul *emul;
  LunEmulNexus *nexus; /* belongs to `emul` */
  char *port;          /* the initiator port's name */
  char *nexus_text;    /* facts.nexus */
  unsigned without;    /* features that the LUN lacks (file.c) */
} LunFile;

LunWake lun_file_wait (LunTransport *transport, LunWatch *watches, int n_watches,
                       const LunWakePlan *plan);
