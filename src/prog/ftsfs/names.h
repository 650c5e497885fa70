/* names.h - which names the kernel was told for long, so that each can be taken from it again.
 *
 * A present name is in the list of its file's inode too, and goes with it; at most
 * FTS_NAMES_OF_FILE for one file.  Absent names are bounded: FTS_NAMES_ABSENT of them, those that the
 * kernel has let go by time make room.
 *
 * No lock: the table of inodes, which owns it, has one.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define FTS_NAMES_ABSENT  65536u
#define FTS_NAMES_OF_FILE 16u

typedef struct FtsNames FtsNames;
typedef struct FtsName FtsName;

FtsNames *fts_names_new (void);
void fts_names_free (FtsNames *names);

/* NAME in the directory with number PARENT; OF = its file's list, NULL = it is absent.  False when
 * there is no room: then it must not be kept. */
bool fts_names_add (FtsNames *names, uint64_t parent, const char *name, FtsName **of,
                    double timeout);
/* NAME goes; NEW_NAME (NULL = none) takes its place. */
void fts_names_move (FtsNames *names, uint64_t parent, const char *name,
                     uint64_t new_parent, const char *new_name);
/* The two change places. */
void fts_names_exchange (FtsNames *names, uint64_t parent, const char *name,
                         uint64_t other_parent, const char *other_name);
/* All names of the list OF. */
void fts_names_drop_list (FtsNames *names, FtsName **of);
/* All, as FtsKeptName (inodes.h), whose strings are the caller's. */
void fts_names_take_all (FtsNames *names, GArray *into);
unsigned fts_names_count (FtsNames *names);
