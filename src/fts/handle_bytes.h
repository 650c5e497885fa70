/* handle_bytes.h - a file handle as bytes: what it names, and the proof that this server made it.
 *
 * Little-endian: version u8 = 2, kind u8, length of `where` u16, export u32 (hash of its name),
 * where, proof 16 bytes.  The proof is a keyed hash (SipHash-2-4-128, made for short
 * texts: each entry of a directory has one) of the rest, so a peer cannot make a handle.
 *
 * Pure; any thread.  Handles come from peers and may be anything: fts_handle_unseal() is the only
 * place where one is believed.  Fuzzed: tests/fuzz/handle.c.
 */
#pragma once

#include "fts/attr.h"

#include <fcntl.h>

#define FTS_HANDLE_KEY_LEN 32u

typedef enum {
  FTS_WHERE_ROOT = 0,   /* nothing */
  FTS_WHERE_KERNEL = 1, /* the kernel's handle: type i32, bytes */
  FTS_WHERE_FILE = 2,   /* FtsFileId: device u64, inode u64, birth s64 and u32 */
} FtsWhereKind;

/* struct file_handle with room for the longest one. */
typedef union {
  struct file_handle handle;
  uint8_t room[sizeof (struct file_handle) + MAX_HANDLE_SZ];
} FtsKernelHandle;

typedef struct {
  FtsWhereKind kind;
  FtsKernelHandle kernel;
  FtsFileId file;
} FtsWhere;

/* Of one export. */
typedef struct {
  uint8_t key[FTS_HANDLE_KEY_LEN];
  uint32_t export_id;
} FtsSeal;

/* WHERE without a proof: names a file, opens nothing. */
void fts_handle_identify (const FtsSeal *seal, const FtsWhere *where, FtsHandle *out);
/* The same of a kernel's handle of at most MAX_HANDLE_SZ bytes, wherever it lies. */
void fts_handle_identify_kernel (const FtsSeal *seal, const struct file_handle *kernel,
                                 FtsHandle *out);
/* Puts the proof behind it. */
void fts_handle_prove (const FtsSeal *seal, FtsHandle *handle);

/* What a handle names that was made with SEAL; false for every other one.  The root's needs no
 * proof: whoever attached was given it, so a mount outlives a server that lost its key. */
bool fts_handle_unseal (const FtsSeal *seal, const FtsHandle *handle, FtsWhere *out);

/* The first bytes of HANDLE that tell which file it means: all but the proof. */
size_t fts_handle_identity_len (const FtsHandle *handle);

/* Does the handle, which this server has made, say that it is of the root?  Of SEAL's export? */
bool fts_handle_is_root (const FtsHandle *handle);
bool fts_handle_is_of (const FtsSeal *seal, const FtsHandle *handle);

bool fts_file_id_equal (const FtsFileId *a, const FtsFileId *b);
