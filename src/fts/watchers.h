/* watchers.h - whom to tell of which change: what the clients' caches hold, and what to tell them.
 *
 * A watcher is a client that has a WATCH request (wire.h) with the server.  While it is there,
 * each answer that the client may keep is noted: a key for a file's attributes and data, one for
 * a name in a directory, also one that is not there.  A change looks for its keys: a watcher that
 * has one is sent a notice, once, and the key goes; the client takes it out of its cache and
 * comes back for it when it needs it.
 *
 * Invariants
 *  1. What an answer calls watched is in the set, or a notice of its change is under way, until
 *     the watcher ends, and then the client trusts nothing any more.
 *  2. A change that is told of while a request for the same thing is served is seen by that
 *     request: it noted `since` before it looked, and is told to look again.
 *  3. Who changes something waits for the notice of an earlier change of the same thing as well,
 *     while it is under way: the watcher trusts what it has until then.
 *  4. Memory is bounded: FTS_WATCHERS_KEYS keys and FTS_WATCHERS_NOTICES notices a watcher; with
 *     more, all is dropped and the one notice says that anything may have changed.
 *
 * Time lines.  A client's change C of what B has cached:
 *   C: request; server: change, notice to B, waits ...
 *   B:                    takes it out of its kernel's cache, acknowledges
 *   server:                                                ... answers C.
 * So when the call of C's program returns, B's programs see the change.  B has FTS_WATCHERS_MS; one
 * that does not acknowledge within it is late: nothing of its is watched, nobody waits for it,
 * and its next notice is "anything", until it acknowledges that.
 *
 * Threads: any; one lock.  `summon` is called with it and may only take locks of lower layers.
 */
#pragma once

#include "fts/wire.h"

#define FTS_WATCHERS_KEYS    500000u
#define FTS_WATCHERS_NOTICES 4096u
#define FTS_WATCHERS_MS      1000u
/* Most bytes of notices in one answer (a notice that is longer goes alone). */
#define FTS_WATCHERS_BATCH   32768u

typedef struct FtsWatchers FtsWatchers;

typedef struct {
  /* CONNECTION's parked WATCH request can be answered now: fts_watchers_take() on its thread. */
  void (*summon) (void *connection, void *user_data);
  /* This thread begins (ends) to wait for an acknowledgement. */
  void (*set_waiting) (bool waits, void *user_data);
  void *user_data;
} FtsWatchersHooks;

FtsWatchers *fts_watchers_new (void);
void
fts_watchers_free (FtsWatchers *watchers); /* nobody is there any more.  NULL is fine */
/* Who waited for them is summoned now. */
void fts_watchers_set_hooks (FtsWatchers *watchers, const FtsWatchersHooks *hooks);

/* ---- the client's side ---- */

/* A new watcher for the client SESSION by way of CONNECTION; ends an earlier one of it. */
void fts_watchers_begin (FtsWatchers *watchers, const void *session, void *connection);
/* Ends the watcher that came by CONNECTION, if there is one. */
void fts_watchers_end (FtsWatchers *watchers, const void *connection);

/* The client has taken in all notices up to number TAKEN_IN.  True: INTO gets the next ones, the last of which
 * has number *LAST.  False: none; then `summon` is called when there are. */
bool fts_watchers_take (FtsWatchers *watchers, const void *connection,
                        uint64_t taken_in, GByteArray *into, uint64_t *last);
/* The same without new word from the client; false when it waits for nothing. */
bool fts_watchers_take_more (FtsWatchers *watchers, const void *connection,
                             GByteArray *into, uint64_t *last);

/* ---- who looks ---- */
uint64_t fts_watchers_file_key (const FtsWatchers *watchers, const FtsHandle *file);
/* FILE without its proof (handles.h). */
uint64_t fts_watchers_identity_key (const FtsWatchers *watchers, const FtsHandle *file);
/* DIR = the key of its directory. */
uint64_t fts_watchers_name_key (const FtsWatchers *watchers, uint64_t dir,
                                const char *name, size_t len);

/* To be asked before looking at a file. */
uint64_t fts_watchers_now (FtsWatchers *watchers);

typedef enum {
  FTS_WATCH_NONE,    /* SESSION does not watch: it will not be told */
  FTS_WATCH_WATCHED, /* it will be told of the next change */
  FTS_WATCH_CHANGED, /* likewise; there was one since SINCE: look again */
} FtsWatchResult;

bool fts_watchers_has (FtsWatchers *watchers, const void *session);
FtsWatchResult fts_watchers_add (FtsWatchers *watchers, const void *session,
                                 uint64_t key, uint64_t since);

/* ---- who changes ---- */

/* What KEY stands for was changed: NOTICE to all that have it but SESSION (NULL = to all).
 * *NUMBER grows when somebody is told, or is being told; give it to fts_watchers_settle() afterwards. */
void fts_watchers_tell (FtsWatchers *watchers, const void *session, uint64_t key,
                        const FtsNotice *notice, uint64_t *number);
/* The same as far as it goes without a notice: is there somebody to tell? */
bool fts_watchers_note (FtsWatchers *watchers, uint64_t key);
/* For who sees changes and not who makes them (inotify.h): SESSION is about to change KEY itself ... */
void fts_watchers_note_own (FtsWatchers *watchers, const void *session, uint64_t key);
/* ... KEY was seen to change: NOTICE to all that have it, a little later to those who changed it
 * themselves of late (lately.h) ... */
void fts_watchers_tell_seen (FtsWatchers *watchers, uint64_t key,
                             const FtsNotice *notice);
/* ... and tells them.  The ms until this is to be called again, -1 = for nothing. */
int fts_watchers_tell_put_off (FtsWatchers *watchers);
/* NOTICE to SESSION's watcher, if it has one, whatever it keeps. */
void fts_watchers_send (FtsWatchers *watchers, const void *session,
                        const FtsNotice *notice);
/* Anything may have changed, behind the server's back. */
void fts_watchers_tell_all (FtsWatchers *watchers);
/* Waits until everybody has taken in what was told up to NUMBER, or is late. */
void fts_watchers_settle (FtsWatchers *watchers, uint64_t number);

typedef struct {
  unsigned watchers;
  uint64_t keys, notices, late;
} FtsWatchersStats;
void fts_watchers_get_stats (FtsWatchers *watchers, FtsWatchersStats *out);
