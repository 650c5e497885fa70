/* membership.h - this process's entry in the host table, and who else is alive.
 *
 * A thread of the member writes the own entry every heartbeat period and reads the whole table
 * with one read as often.  "Unchanged for dead_ms (the peer's own setting) on my monotonic
 * clock", another generation, or a free entry means dead.  A member that could not write its
 * heartbeat for (dead time - margin, one period) shuts itself out: everything above stops writing, all
 * I/O ends.  When it `rejoins` it is AWAY then, and joins again by itself, as a new incarnation, as soon
 * as it can and nobody holds it.  What others do to a member that is not silent (its key is
 * preempted, its entry is freed or used by another process) ends it for good: SHUT_OUT.  Dead entries are reaped after dead time + their largest
 * I/O time-out under the volume lock: their connection slots first, then the entry.
 *
 * Threads: all calls from any thread.  on_peer_dead runs on the member's thread without locks
 * held and must not block, on_return likewise.  Errors: BUSY (name and role in use by a live process),
 * NO_SLOT; NO_PATH of who is AWAY, FENCED of who is SHUT_OUT.
 */
#pragma once

#include "volume/hosttab.h"
#include "volume/volume.h"

typedef struct FtsMember FtsMember;

typedef struct {
  const char *name; /* NULL = the host's own name */
  FtsHostRole role;
  const char *program;
  uint32_t heartbeat_ms; /* 0 = the volume's */
  uint32_t dead_ms;      /* 0 = the volume's */
  bool rejoins;          /* after too long a silence; else that ends it for good */
  void (*on_peer_dead) (uint32_t index, uint64_t generation, void *user_data);
  /* It has joined again; nobody can hold it yet.  May ask fts_member_list(). */
  void (*on_return) (void *user_data);
  void *user_data;
} FtsMemberConfig;

FtsMember *fts_member_join (FtsVolume *volume, const FtsMemberConfig *config,
                            GError **error);
/* Clears the own entry; connections must be closed before.  Without a path: as fts_member_hurry().  NULL
 * is fine. */
void fts_member_leave (FtsMember *member);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsMember, fts_member_leave)

FtsVolume *fts_member_volume (const FtsMember *member);
/* Name, index, generation, nonce.  While nobody holds the member they may change, as it joins again; a server's
 * name never does. */
const FtsHost *fts_member_self (const FtsMember *member);

typedef enum {
  FTS_STANDING_GOOD,
  FTS_STANDING_AWAY,     /* was silent: joins again by itself */
  FTS_STANDING_SHUT_OUT, /* for good */
} FtsStanding;

FtsStanding fts_member_standing (const FtsMember *member);
bool fts_member_is_fenced (const FtsMember *member); /* is not GOOD */
/* False with NO_PATH or FENCED when it is not GOOD. */
bool fts_member_check (const FtsMember *member, GError **error);
/* Is a path to the master device usable, as far as is known?  Without a LUN command. */
bool fts_member_has_path (const FtsMember *member);
/* Who uses the incarnation that is now: while somebody holds it there is no other one.  A connection
 * is held as long as it lives, the volume lock as long as it is taken. */
bool fts_member_hold (FtsMember *member, GError **error);
void fts_member_let_go (FtsMember *member);
/* The program is about to end: it does not join again, and what could not be said for 3 seconds for lack
 * of a path is not said. */
void fts_member_hurry (FtsMember *member);

/* From the last table read; a fresh read first when FRESH. */
bool fts_member_is_alive (FtsMember *member, uint32_t index, uint64_t generation);
/* A fresh look at the table; false with what keeps it from being read. */
bool fts_member_look (FtsMember *member, GError **error);
/* The live ACTIVE entry with this name and role; false when there is none, or a fresh look at the
 * table is not possible. */
bool fts_member_find (FtsMember *member, const char *name, FtsHostRole role, bool fresh,
                      FtsHost *out);

/* The live ACTIVE entries with this role, by a fresh look; how many. */
unsigned fts_member_list (FtsMember *member, FtsHostRole role,
                          FtsHost out[FTS_MAX_HOSTS]);

/* The volume lock, for this member.  Held for a handful of commands; never across anything
 * that waits.  Waits up to 2 * dead_ms for another holder, a dead holder's lock is taken over.
 * Within the process it excludes other threads too. */
bool fts_member_lock (FtsMember *member, GError **error);
void fts_member_unlock (FtsMember *member);
