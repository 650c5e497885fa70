/* wire.h - the file commands as bytes (doc/protocol.md, "Commands").
 *
 * A request is one message: fixed header, the operands of its operation in the order of the
 * command table, then data.  An answer likewise.  Which operands an operation has is told by one
 * table (fts_wire_command), so that encoding and decoding are one loop each, and a decoder is a
 * pure function over bytes.
 *
 * Request header, little-endian: length u32 (header and operands), op u16, version u16, tag u32,
 * flags u32, slot u32, sequence u64, uid u32, gid u32, umask u32, n_groups u32, groups u32 each,
 * n_closes u32, closes u64 each.
 * Answer header: length u32, op u16, version u16, tag u32, status u32 (FtsStatus), flags u32.
 * Operands: u32 and u64 as such; handles and texts as u16 length and bytes (a text has no NUL);
 * attributes as the fields of FtsAttr in order.
 *
 * Data after the header: READ, OPEN and DIR answers and WRITE requests have it directly behind
 * the operands, header and first data in one fragment.  The answer to GET and the request of PUT
 * go on with chunks: each chunk (its header, and for DATA its bytes) lies whole in one fragment,
 * directly behind the operands or the chunk before; the last one is END.  So a small file travels
 * in one fragment, and each further fragment of a big one is one chunk header and bytes.
 *
 * A whole-file transfer that cannot go on ends with END and its status, in the middle of the
 * file.  Who serves a PUT may answer early with an error; it then reads on until END (the message
 * ends), the sender polls for that and sends END soon.  PUT with FTS_PUT_RESUME continues the
 * file fts_wire_partial_name() of the target's name and the PUT's attributes: it is not emptied,
 * and the first chunk says where it goes on.  The checksum covers the data sent this time.
 */
#pragma once

#include "base/le.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FTS_WIRE_VERSION    1u
#define FTS_HANDLE_MAX      160u
#define FTS_TEXT_MAX        4096u
#define FTS_GROUPS_MAX      64u
#define FTS_CLOSES_MAX      16u /* that ride on another request */
#define FTS_CLOSE_MAX       128u
/* The longest header with operands of any request or answer. */
#define FTS_WIRE_HEADER_MAX 16384u

/* Opaque name of a file at the server; valid as long as the file exists (6-files.md). */
typedef struct {
  uint16_t len;
  uint8_t bytes[FTS_HANDLE_MAX];
} FtsHandle;

typedef struct {
  int64_t sec;
  uint32_t nsec;
} FtsTime;

typedef struct {
  uint64_t ino;
  uint32_t mode; /* Linux st_mode */
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint64_t rdev;
  uint64_t size;
  uint64_t blocks; /* of 512 bytes */
  uint32_t blksize;
  uint32_t flags; /* FTS_ATTR_*; 0 where attributes are a wish */
  FtsTime atime, mtime, ctime, btime;
} FtsAttr;

/* What an answer tells of a file beside stat(). */
enum {
  FTS_ATTR_PLAIN = 1u << 0,   /* no extended attributes, hence no ACL either */
  FTS_ATTR_WATCHED = 1u << 1, /* the server tells the asking client when it changes */
};

typedef struct {
  uint64_t bsize, frsize, blocks, bfree, bavail, files, ffree, favail, namemax;
} FtsStatfs;

typedef enum {
  FTS_OP_ATTACH =
    1, /* name(export) open_flags cookie(instance) -> handle(root) attr length(max data) */
  FTS_OP_LOOKUP,   /* handle name -> handle attr */
  FTS_OP_WALK,     /* handle name(path, contained; symlinks inside the export followed)
                        -> handle attr name(path from the export root) */
  FTS_OP_GETATTR,  /* handle open_id -> attr */
  FTS_OP_SETATTR,  /* handle open_id mask attr -> attr */
  FTS_OP_READLINK, /* handle -> name(target) */
  FTS_OP_OPEN,     /* handle open_flags length(first bytes wanted)
                        -> open_id attr [FTS_ANSWER_EOF] data(first bytes) */
  FTS_OP_CREATE,   /* handle name mode open_flags -> handle attr open_id attr2 */
  FTS_OP_READ,     /* handle open_id offset length -> [FTS_ANSWER_EOF] data */
  FTS_OP_WRITE, /* handle open_id offset length(of data) + data -> length(written) attr */
  FTS_OP_CLOSE, /* open_id + data: further open_ids, u64 each (at most FTS_CLOSE_MAX in
                     all) -> ; unknown ones are passed over */
  FTS_OP_FSYNC, /* handle open_id open_flags(FTS_OPEN_DATASYNC) -> */
  FTS_OP_DIR,   /* handle cookie length(most bytes) name(pattern or empty)
                        -> cookie(next) [FTS_ANSWER_EOF] data(entries, fts_wire_dirent) */
  FTS_OP_MKNOD, /* handle name mode rdev -> handle attr attr2 */
  FTS_OP_MKDIR, /* handle name mode -> handle attr attr2 */
  FTS_OP_SYMLINK, /* handle name name2(target) -> handle attr attr2 */
  FTS_OP_LINK,    /* handle(file) handle2(directory) name -> handle attr attr2 */
  FTS_OP_UNLINK,  /* handle name -> attr2 */
  FTS_OP_RMDIR,   /* handle name -> attr2 */
  FTS_OP_RENAME,  /* handle name handle2 name2 open_flags(RENAME_* of Linux)
                     -> attr2(of handle) attr(of handle2) */
  FTS_OP_STATFS,  /* handle -> statfs */
  FTS_OP_GET,     /* handle name(path) offset length(0 = to the end) -> attr + chunks */
  FTS_OP_PUT,     /* handle name(path) open_flags(FTS_PUT_*) attr + chunks -> attr */
  FTS_OP_QUIT,    /* -> ; the connection ends after the answer */
  FTS_OP_GETXATTR, /* handle name length(room; 0 = only ask for the length)
                        -> length(of the value) data(value) */
  FTS_OP_SETXATTR, /* handle name open_flags(XATTR_* of Linux) + data(value) -> */
  FTS_OP_LISTXATTR, /* handle length(as above) -> length data(names, a NUL behind each) */
  FTS_OP_REMOVEXATTR, /* handle name -> */
  FTS_OP_FALLOCATE, /* handle open_id offset length mode(FALLOC_FL_* of Linux) -> attr */
  FTS_OP_SEEK, /* handle open_id offset mode(FTS_SEEK_*) -> length(the offset found) */
  FTS_OP_COPY, /* handle open_id offset(source) handle2 open_id2 offset2(target) length
                        -> length(copied) attr(target's) */
  FTS_OP_LOCK, /* handle open_id lock open_flags(FTS_LOCK_*) cookie(ticket)
                     -> length(1 = it was not held before, or the ticket waited) */
  FTS_OP_TESTLOCK, /* handle open_id lock -> lock(what is in its way, or an unlock) */
  FTS_OP_NAMES, /* handle length(most names) -> data(fts_namehash() of each name, u64);
                     E2BIG: there are more; EOPNOTSUPP: a name may be spelt in several ways */
  FTS_OP_WATCH, /* cookie(up to which notice all is taken in; 0 = begin anew)
                   open_flags(FTS_WATCH_*)
                        -> cookie(of the last notice here) data(notices, fts_wire_notice);
                        answered when there is something to tell */
  FTS_OP_OPENS, /* handle length(most first bytes, of all together) + data: further handles,
                   fts_wire_handle (at most FTS_OPENS_MAX files in all), to be read
                   -> data(fts_wire_opened for each file, in order) */
  FTS_OP_N,
} FtsOp;

/* Our own numbering of open flags (the systems' differ). */
enum {
  FTS_OPEN_READ = 1u << 0,
  FTS_OPEN_WRITE = 1u << 1,
  FTS_OPEN_APPEND = 1u << 2,
  FTS_OPEN_TRUNC = 1u << 3,
  FTS_OPEN_EXCL = 1u << 4,
  FTS_OPEN_SYNC = 1u << 5,
  FTS_OPEN_DATASYNC = 1u << 6, /* O_DSYNC at open; fdatasync at fsync */
  FTS_OPEN_DIRECT = 1u << 7,
  FTS_OPEN_READ_ONLY = 1u << 8, /* ATTACH: this client will not write */
  /* ATTACH: nobody asks this client for extended attributes: FTS_ATTR_PLAIN is of no use to it */
  FTS_OPEN_NO_XATTR = 1u << 9,
};

enum {
  FTS_REQUEST_APPENDS = 1u << 0, /* WRITE to a file that was opened with APPEND */
};

/* What SEEK looks for from the offset on. */
enum {
  FTS_SEEK_DATA = 1,
  FTS_SEEK_HOLE = 2,
};

enum {
  FTS_PUT_REPLACE = 1u << 0, /* an existing file may be replaced */
  FTS_PUT_RESUME = 1u << 1,  /* go on with an interrupted transfer of the same file */
  FTS_PUT_TEXT = 1u << 2,    /* convert to the receiver's code page */
};

enum {
  FTS_ANSWER_EOF = 1u << 0,
  FTS_ANSWER_READ_ONLY = 1u << 1,
  FTS_ANSWER_EXACT = 1u << 2, /* MKDIR: in this directory a name is spelt in one way */
  /* LOOKUP that found nothing, NAMES: as FTS_ATTR_WATCHED, of the name or of all names */
  FTS_ANSWER_WATCHED = 1u << 3,
};

/* Which fields of attr SETATTR sets. */
enum {
  FTS_SET_MODE = 1u << 0,
  FTS_SET_UID = 1u << 1,
  FTS_SET_GID = 1u << 2,
  FTS_SET_SIZE = 1u << 3,
  FTS_SET_ATIME = 1u << 4,
  FTS_SET_MTIME = 1u << 5,
  FTS_SET_ATIME_NOW = 1u << 6,
  FTS_SET_MTIME_NOW = 1u << 7,
};

/* How LOCK asks; one at most. */
enum {
  FTS_LOCK_WAIT =
    1u
    << 0, /* EAGAIN: the ticket is in the queue; a notice will say that it was given */
  FTS_LOCK_CANCEL = 1u << 1,  /* the ticket does not wait any more */
  FTS_LOCK_RECLAIM = 1u << 2, /* it was held before the server started */
};

/* A lock on bytes of a file (fcntl) or on an open file (flock). */
typedef enum {
  FTS_LOCK_READ = 1,
  FTS_LOCK_WRITE = 2,
  FTS_LOCK_NONE = 3, /* to unlock; nothing in the way */
} FtsLockType;

typedef enum {
  FTS_LOCK_POSIX = 1,
  FTS_LOCK_FLOCK = 2
} FtsLockKind;

typedef struct {
  uint32_t type, kind; /* FtsLockType, FtsLockKind */
  uint64_t start, end; /* first and last byte, at most INT64_MAX */
  uint64_t owner; /* the client's number for whom locks of the same client differ */
  uint32_t pid;   /* 0 = not of the asking client */
} FtsLock;

/* Every operand an operation may have; unused ones are zero.  Texts point into the bytes that
 * were decoded (not NUL-terminated there: use the length) or to the caller's string. */
typedef struct {
  const char *bytes;
  uint16_t len;
} FtsText;

typedef struct {
  FtsOp op;
  uint32_t tag;
  uint32_t flags; /* FTS_REQUEST_* */
  uint32_t
    slot; /* of the client, for what must not be done twice (replay.h); 0 = none */
  uint64_t sequence; /* grows in the slot */
  uint32_t uid, gid, umask;
  uint32_t n_groups;
  uint32_t groups[FTS_GROUPS_MAX];
  uint32_t
    n_closes; /* open_ids to close as well, after the answer; unknown ones are passed over */
  uint64_t closes[FTS_CLOSES_MAX];
  FtsHandle handle, handle2;
  FtsText name, name2;
  uint64_t open_id, open_id2;
  uint64_t offset, offset2, length, cookie;
  uint32_t mode, mask, open_flags;
  uint64_t rdev;
  FtsAttr attr;
  FtsLock lock;
} FtsRequest;

typedef struct {
  FtsOp op;
  uint32_t tag;
  uint32_t status; /* FtsStatus, 0 = well */
  uint32_t flags;  /* FTS_ANSWER_* */
  FtsHandle handle;
  FtsAttr attr;
  FtsAttr
    attr2; /* of the directory whose names changed, afterwards; ino 0 = not known */
  uint64_t open_id, length, cookie;
  FtsText name;
  FtsStatfs statfs;
  FtsLock lock;
} FtsAnswer;

/* One row of the command table. */
typedef struct {
  FtsOp op;
  const char *name;    /* as in logs and counters */
  const char *request; /* operand letters, see wire.c */
  const char *answer;
  bool modifies;   /* refused on a read-only export */
  bool repeatable; /* doing it twice is as good as once */
} FtsCommand;

const FtsCommand *fts_wire_command (FtsOp op); /* NULL for none */

/* Encoders append to INTO.  An answer with status != 0 has no operands. */
void fts_wire_encode_request (const FtsRequest *request, GByteArray *into);
void fts_wire_encode_answer (const FtsAnswer *answer, GByteArray *into);

/* Decoders take the first bytes of a message; *USED is the length of header and operands, data
 * begins there.  False for anything that is not exactly right.  Nothing is allocated. */
bool fts_wire_decode_request (const uint8_t *bytes, size_t len, FtsRequest *out,
                              size_t *used);
bool fts_wire_decode_answer (const uint8_t *bytes, size_t len, FtsAnswer *out,
                             size_t *used);

/* ---- directory entries in a DIR answer ---- */
typedef struct {
  uint64_t cookie; /* position after this entry */
  FtsText name;
  FtsHandle handle; /* len 0 where the server could not look */
  FtsAttr attr;
} FtsDirent;

/* Bytes appended; 0 and nothing appended when INTO would get longer than MAX. */
size_t fts_wire_encode_dirent (const FtsDirent *entry, GByteArray *into, size_t max);
bool fts_wire_decode_dirent (const uint8_t *bytes, size_t len, FtsDirent *out,
                             size_t *used);

/* ---- handles and files in OPENS ---- */
#define FTS_OPENS_MAX 64u

void fts_wire_encode_handle (const FtsHandle *handle, GByteArray *into);
bool fts_wire_decode_handle (const uint8_t *bytes, size_t len, FtsHandle *out,
                             size_t *used);

/* What OPEN would have answered. */
typedef struct {
  uint32_t status; /* FtsStatus; all else is 0 unless this is */
  uint32_t flags;  /* FTS_ANSWER_EOF: `first` is all of the file */
  uint64_t open_id;
  FtsAttr attr;
  const uint8_t *first; /* in the bytes that were decoded */
  uint32_t first_len;
} FtsOpened;

void fts_wire_encode_opened (const FtsOpened *opened, GByteArray *into);
bool fts_wire_decode_opened (const uint8_t *bytes, size_t len, FtsOpened *out,
                             size_t *used);

enum {
  FTS_WATCH_RECLAIMED =
    1u << 0, /* all locks held before the server started were asked for */
};

/* ---- notices in a WATCH answer ---- */
typedef enum {
  FTS_NOTICE_FILE = 1, /* `handle`'s attributes or data changed */
  FTS_NOTICE_NAME = 2, /* what `name` in the directory `handle` means changed */
  FTS_NOTICE_ALL = 3,  /* anything may have changed */
  FTS_NOTICE_LOCK = 4, /* the lock with ticket `number` was given */
} FtsNoticeKind;

typedef struct {
  FtsNoticeKind kind;
  FtsHandle handle; /* len 0 where the kind has none; the name likewise */
  FtsText name;
  uint64_t number; /* 0 where the kind has none */
} FtsNotice;

void fts_wire_encode_notice (const FtsNotice *notice, GByteArray *into);
bool fts_wire_decode_notice (const uint8_t *bytes, size_t len, FtsNotice *out,
                             size_t *used);

/* ---- chunks of GET and PUT ---- */
typedef enum {
  FTS_CHUNK_DATA = 1, /* `len` bytes at `offset` follow */
  FTS_CHUNK_HOLE = 2, /* `len` bytes at `offset` are a hole */
  FTS_CHUNK_END = 3,  /* status; crc of all data chunks in order; len = file size */
} FtsChunkKind;

#define FTS_CHUNK_LEN 32u

typedef struct {
  FtsChunkKind kind;
  uint32_t status;
  uint32_t crc;
  uint64_t offset;
  uint64_t len;
} FtsChunk;

void fts_wire_encode_chunk (const FtsChunk *chunk, uint8_t out[FTS_CHUNK_LEN]);
/* LEN = bytes left in the fragment; false also when a DATA chunk's bytes are not all there. */
bool fts_wire_decode_chunk (const uint8_t *bytes, size_t len, FtsChunk *out);

/* Most bytes of the target's name in a partial name, so that it stays within NAME_MAX. */
#define FTS_PARTIAL_STEM_MAX 200

/* Name of the file beside target NAME that a transfer of a file with attributes SOURCE (size and
 * modification time count) is written to before it is renamed: `.NAME.fts-XXXXXXXX`.  The same on
 * both sides, so that an interrupted transfer is found again, and only for the same source. */
char *fts_wire_partial_name (const char *name, const FtsAttr *source);
