/* server_rig.h - the server half on a directory of its own, driven without a LUN.
 *
 * A rig is a fresh directory in /dev/shm exported as "data", a server, and one client's
 * connection that is attached.  rig_run() sends one request through the memory stream and keeps
 * the answer.  Everything is removed by rig_close().
 */
#pragma once

#include "fts/server.h"
#include "fts/status.h"

/* Messages in memory: what the server receives and what it sent. */
typedef struct {
  FtsStream stream; /* first */
  GPtrArray *in;    /* of GByteArray, one a fragment; the last ends the message */
  guint n_taken;
  guint break_after; /* receive fails after that many fragments; 0 = never */
  size_t room;       /* of an outgoing fragment */
  uint8_t *reserved;
  GPtrArray *out; /* of GByteArray */
  bool ended;     /* the server sent the end of its message */
} MemoryStream;

typedef struct {
  char *dir;
  FtsExports *exports;
  FtsServer *server;
  void *connection;
  MemoryStream memory;
  FtsHandle root;
  size_t fragment; /* longest fragment of a request's data; 0 = 64 KiB */

  /* of the last rig_run() */
  FtsAnswer answer;
  GByteArray *data;   /* behind the answer's operands */
  GByteArray *header; /* bytes that answer.name points to */
  guint n_fragments;
  GError *broken; /* the connection failed */
} Rig;

/* OPTIONS follow the path in the export's specification (":ro", ",setid", or ""). */
void rig_open (Rig *rig, const char *options, const FtsServerConfig *config);
void rig_close (Rig *rig);
/* Attached, and the root's handle known. */
void rig_attach (Rig *rig);
/* A new server on the same directory, as after a restart. */
void rig_restart (Rig *rig, const FtsServerConfig *config);

/* Sends REQUEST and LEN bytes of DATA behind it; the status as an errno.  A failed connection
 * gives -1 and `broken`. */
int rig_run (Rig *rig, FtsRequest *request, const void *data, size_t len);
/* The same with fragments as they are; the first begins with the encoded header. */
int rig_run_fragments (Rig *rig, GPtrArray *fragments);
GByteArray *rig_encode (const FtsRequest *request);

FtsText rig_text (const char *text);
char *rig_path (const Rig *rig, const char *name); /* on this host */
void rig_write_file (const Rig *rig, const char *name, const char *content);
char *rig_read_file (const Rig *rig, const char *name);

/* Shorthands; each gives the errno. */
int rig_lookup (Rig *rig, const FtsHandle *dir, const char *name, FtsHandle *out);
int rig_make_dir (Rig *rig, const FtsHandle *dir, const char *name, FtsHandle *out);
int rig_create (Rig *rig, const FtsHandle *dir, const char *name, uint32_t open_flags,
                FtsHandle *out, uint64_t *open_id);
int rig_getattr (Rig *rig, const FtsHandle *handle);
int rig_name_op (Rig *rig, FtsOp op, const FtsHandle *dir, const char *name);
