/* rig.h - a volume on a file LUN in /dev/shm, members, doors and connections on it.
 *
 * All of one test live in one process unless it forks; each member opens the volume anew, by
 * its own nexus, as a process of its own would. */
#pragma once

#include "channel/connect.h"
#include "channel/door.h"

#include <sys/types.h>

typedef struct {
  uint32_t block_size;    /* 0 = 512 */
  uint32_t segment_bytes; /* 0 = 8 KiB */
  uint32_t entries;       /* 0 = 16 */
  uint32_t connections;   /* 0 = 8 */
  uint32_t multi_buffer;  /* 0 = 4 */
  uint32_t heartbeat_ms;  /* 0 = 50 */
  uint32_t dead_ms;       /* 0 = 500 */
} RigFormat;

typedef struct {
  char *dir;
  char *image;
  unsigned nexus; /* last one given out */
} Rig;

/* The rig is removed by rig_clear (); FORMAT may be NULL. */
void rig_init (Rig *rig, const RigFormat *format);
void rig_clear (Rig *rig);

typedef struct {
  FtsVolume *volume;
  FtsMember *member;
  FtsDoor *door;
} Node;

/* Opens the volume with WRAPPER ("fault(...)+", "" for none) and joins. */
void rig_join (Rig *rig, Node *node, const char *wrapper, const char *name,
               FtsHostRole role);
/* A server whose door has CONFIG (its deaths are reported to the door). */
void rig_serve (Rig *rig, Node *node, const char *wrapper, const char *name,
                const FtsDoorConfig *config);
void rig_leave (Node *node);

/* Connects or fails the test. */
FtsChannel *rig_connect (Node *node, const char *peer);

/* Serve callback: answers each message with itself. */
bool rig_echo (FtsChannel *channel, void *connection, void *user_data);

/* Bytes of message number SEED, LEN long, and a check. */
GByteArray *rig_pattern (unsigned seed, size_t len);
void rig_send (FtsChannel *channel, const GByteArray *bytes);
/* Sends SEED's pattern and expects it back. */
void rig_round_trip (FtsChannel *channel, unsigned seed, size_t len);

/* Fails the test with the error's text. */
#define rig_ok(ok, error) \
  ck_assert_msg (ok, "%s", (error) ? (error)->message : "no error set")
