/* handles.h - opaque names of the files of one export, and the files behind them.
 *
 * A handle is (kind, export, where, proof).  `where` is the kernel's own file handle
 * (name_to_handle_at), which outlives renames and restarts of the server; on a file system that
 * has none, or without the right to open by handle, it is the file's identity and the server
 * remembers where it saw the file (nodes.h).  The bytes are handle_bytes.h's; the proof is made with
 * a key of the server's, so a peer cannot make a handle itself.
 *
 * Invariants
 *  1. No handle opens what was not named through the export before: proof and mount are checked
 *     before a file enters the cache.
 *  2. What was moved out of the export is stale: the place of each file is asked for each time
 *     it is used.  Two exceptions remain, for files that are no directories: one with further
 *     names may be used while one of its names, whichever the kernel remembers, is outside; and
 *     one whose place the kernel has forgotten (opened by number, not found by name since).
 *     A command that is under way while a directory is moved may end in it.
 *  3. The root's handle is always found, even one of an earlier key: it gives nothing that
 *     attaching does not, and a mount goes on from it when all other handles are stale.
 *
 * Threads: any.  Opening by handle is done with the server's own rights: the calling thread has
 * them after fts_handles_pin() when the file was not in the cache; become the caller after it.
 * Errors: errno: ESTALE for what is gone, forged or another export's; EXDEV across mounts.
 */
#pragma once

#include "fts/export.h"
#include "fts/fdcache.h"
#include "fts/handle_bytes.h"

typedef struct FtsHandles FtsHandles;

typedef struct {
  uint8_t key[FTS_HANDLE_KEY_LEN];
  unsigned most_descriptors;
  bool by_path; /* do not use the kernel's handles (tests) */
} FtsHandlesConfig;

/* Keeps a reference to EXPORT. */
FtsHandles *fts_handles_new (const FtsExport *export, const FtsHandlesConfig *config,
                             GError **error);
FtsHandles *fts_handles_ref (FtsHandles *handles);
bool fts_handles_has_one_ref (FtsHandles *handles);
void fts_handles_unref (FtsHandles *handles); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsHandles, fts_handles_unref)

bool fts_handles_are_by_path (const FtsHandles *handles);

/* Is HANDLE, which this server has made, one of this export? */
bool fts_handles_own (const FtsHandles *handles, const FtsHandle *handle);

/* The file behind HANDLE; unref it.  NULL: *FAILED says why. */
FtsPin *fts_handles_pin (FtsHandles *handles, const FtsHandle *handle, int *failed);
FtsPin *fts_handles_pin_root (FtsHandles *handles, int *failed);

/* Attributes and handle of FD, which was reached as NAME in DIR; DIR is NULL where that is not
 * known (then a file without a kernel handle has none: ESTALE).  0 or an errno. */
int fts_handles_describe (FtsHandles *handles, int fd, const FtsPin *dir,
                          const char *name, FtsAttr *attr, FtsHandle *out);

/* The same, and puts FD (O_PATH), which it takes over, into the cache. */
FtsPin *fts_handles_adopt (FtsHandles *handles, int fd, const FtsPin *dir,
                           const char *name, FtsAttr *attr, int *failed);

/* Before NAME of DIR loses its file: which handle to drop then; len 0 when there is none. */
void fts_handles_of_name (FtsHandles *handles, const FtsPin *dir, const char *name,
                          FtsHandle *out);
/* The file lost a name: do not keep it open for the sake of the cache. */
void fts_handles_drop (FtsHandles *handles, const FtsHandle *handle);
/* A file came to be NAME in DIR by a rename. */
void fts_handles_note_moved (FtsHandles *handles, const FtsPin *dir, const char *name);

/* A file was found at PATH, absolute from the root, without a step by each name: whoever
 * describes it next, without DIR, has a handle for it. */
void fts_handles_note_path (FtsHandles *handles, const char *path);

/* The identity of what the kernel calls KERNEL (in an event), a file of the export or not: its
 * handle but for the proof; len 0 when it has none. */
void fts_handles_of_kernel (FtsHandles *handles, const struct file_handle *kernel,
                            FtsHandle *out);
/* An identity becomes a handle. */
void fts_handles_prove (const FtsHandles *handles, FtsHandle *handle);

void fts_handles_sweep (FtsHandles *handles, int64_t idle_us);
void fts_handles_get_stats (FtsHandles *handles, FtsFdCacheStats *out);
