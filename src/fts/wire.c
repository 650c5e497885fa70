/* wire.c - encoding and decoding of the file commands (wire.h).
 *
 * Everything hangs on two tables: `operands` tells for each operand letter its kind and its place
 * in FtsRequest and FtsAnswer, `commands` tells for each operation its letters in order.  One
 * function a direction and kind does the rest.
 *
 * Letters: h handle, H handle2, n name, N name2, o open_id, O open_id2, f offset, g offset2,
 * l length, c cookie, m mode, M mask, F open_flags, r rdev, a attr, A attr2, s statfs,
 * k lock.
 *
 * What a decoder refuses: another version, an unknown operation, a length that does not end where
 * the operands end, handles and texts beyond their limits, a NUL inside a text, a time of a
 * second or more of nanoseconds, a lock of no type, kind or range.
 */
#include "fts/wire.h"

#include "base/crc.h"

#include <string.h>

#define NSEC_PER_SEC 1000000000u
#define ABSENT       SIZE_MAX

typedef enum {
  U32,
  U64,
  HANDLE,
  TEXT,
  ATTR,
  STATFS,
  LOCK
} Kind;

typedef struct {
  char letter;
  Kind kind;
  size_t in_request; /* offset in FtsRequest, or ABSENT */
  size_t in_answer;  /* offset in FtsAnswer, or ABSENT */
} Operand;

#define BOTH(field)         offsetof (FtsRequest, field), offsetof (FtsAnswer, field)
#define REQUEST_ONLY(field) offsetof (FtsRequest, field), ABSENT
#define ANSWER_ONLY(field)  ABSENT, offsetof (FtsAnswer, field)

static const Operand operands[] = {
  { 'h', HANDLE, BOTH (handle) },
  { 'H', HANDLE, REQUEST_ONLY (handle2) },
  { 'n', TEXT, BOTH (name) },
  { 'N', TEXT, REQUEST_ONLY (name2) },
  { 'o', U64, BOTH (open_id) },
  { 'O', U64, REQUEST_ONLY (open_id2) },
  { 'f', U64, REQUEST_ONLY (offset) },
  { 'g', U64, REQUEST_ONLY (offset2) },
  { 'l', U64, BOTH (length) },
  { 'c', U64, BOTH (cookie) },
  { 'm', U32, REQUEST_ONLY (mode) },
  { 'M', U32, REQUEST_ONLY (mask) },
  { 'F', U32, REQUEST_ONLY (open_flags) },
  { 'r', U64, REQUEST_ONLY (rdev) },
  { 'a', ATTR, BOTH (attr) },
  { 'A', ATTR, ANSWER_ONLY (attr2) },
  { 's', STATFS, ANSWER_ONLY (statfs) },
  { 'k', LOCK, BOTH (lock) },
};

static const FtsCommand commands[FTS_OP_N] = {
  [FTS_OP_ATTACH] = { FTS_OP_ATTACH, "attach", "nFc", "hal", false, true },
  [FTS_OP_LOOKUP] = { FTS_OP_LOOKUP, "lookup", "hn", "ha", false, true },
  [FTS_OP_WALK] = { FTS_OP_WALK, "cd", "hn", "han", false, true },
  [FTS_OP_GETATTR] = { FTS_OP_GETATTR, "getattr", "ho", "a", false, true },
  [FTS_OP_SETATTR] = { FTS_OP_SETATTR, "setattr", "hoMa", "a", true, true },
  [FTS_OP_READLINK] = { FTS_OP_READLINK, "readlink", "h", "n", false, true },
  [FTS_OP_OPEN] = { FTS_OP_OPEN, "open", "hFl", "oa", false, true },
  [FTS_OP_CREATE] = { FTS_OP_CREATE, "create", "hnmF", "haoA", true, false },
  [FTS_OP_READ] = { FTS_OP_READ, "read", "hofl", "", false, true },
  [FTS_OP_WRITE] = { FTS_OP_WRITE, "write", "hofl", "la", true, true },
  [FTS_OP_CLOSE] = { FTS_OP_CLOSE, "close", "o", "", false, true },
  [FTS_OP_FSYNC] = { FTS_OP_FSYNC, "fsync", "hoF", "", false, true },
  [FTS_OP_DIR] = { FTS_OP_DIR, "dir", "hcln", "c", false, true },
  [FTS_OP_MKNOD] = { FTS_OP_MKNOD, "mknod", "hnmr", "haA", true, false },
  [FTS_OP_MKDIR] = { FTS_OP_MKDIR, "mkdir", "hnm", "haA", true, false },
  [FTS_OP_SYMLINK] = { FTS_OP_SYMLINK, "symlink", "hnN", "haA", true, false },
  [FTS_OP_LINK] = { FTS_OP_LINK, "link", "hHn", "haA", true, false },
  [FTS_OP_UNLINK] = { FTS_OP_UNLINK, "unlink", "hn", "A", true, false },
  [FTS_OP_RMDIR] = { FTS_OP_RMDIR, "rmdir", "hn", "A", true, false },
  [FTS_OP_RENAME] = { FTS_OP_RENAME, "rename", "hnHNF", "Aa", true, false },
  [FTS_OP_STATFS] = { FTS_OP_STATFS, "statfs", "h", "s", false, true },
  [FTS_OP_GET] = { FTS_OP_GET, "get", "hnfl", "a", false, true },
  [FTS_OP_PUT] = { FTS_OP_PUT, "put", "hnFa", "a", true, false },
  [FTS_OP_QUIT] = { FTS_OP_QUIT, "quit", "", "", false, false },
  [FTS_OP_GETXATTR] = { FTS_OP_GETXATTR, "getxattr", "hnl", "l", false, true },
  [FTS_OP_SETXATTR] = { FTS_OP_SETXATTR, "setxattr", "hnF", "", true, true },
  [FTS_OP_LISTXATTR] = { FTS_OP_LISTXATTR, "listxattr", "hl", "l", false, true },
  [FTS_OP_REMOVEXATTR] = { FTS_OP_REMOVEXATTR, "removexattr", "hn", "", true, false },
  [FTS_OP_FALLOCATE] = { FTS_OP_FALLOCATE, "fallocate", "hoflm", "a", true, true },
  [FTS_OP_SEEK] = { FTS_OP_SEEK, "seek", "hofm", "l", false, true },
  [FTS_OP_COPY] = { FTS_OP_COPY, "copy", "hofHOgl", "la", true, true },
  [FTS_OP_LOCK] = { FTS_OP_LOCK, "lock", "hokFc", "l", false, true },
  [FTS_OP_TESTLOCK] = { FTS_OP_TESTLOCK, "testlock", "hok", "k", false, true },
  [FTS_OP_NAMES] = { FTS_OP_NAMES, "names", "hl", "", false, true },
  [FTS_OP_WATCH] = { FTS_OP_WATCH, "watch", "cF", "c", false, false },
  [FTS_OP_OPENS] = { FTS_OP_OPENS, "opens", "hl", "", false, true },
};

const FtsCommand *
fts_wire_command (FtsOp op)
{
  if ((unsigned) op >= FTS_OP_N || commands[op].name == NULL)
    return NULL;
  return &commands[op];
}

static const Operand *
find_operand (char letter)
{
  for (size_t i = 0; i < G_N_ELEMENTS (operands); i++)
    if (operands[i].letter == letter)
      return &operands[i];
  g_assert_not_reached (); /* a letter in `commands` that `operands` lacks */
}

/* ---- writing ---- */

static void
put_u16 (GByteArray *into, uint16_t x)
{
  FtsLe16 v = fts_le16 (x);
  g_byte_array_append (into, v.b, sizeof v.b);
}

static void
put_u32 (GByteArray *into, uint32_t x)
{
  FtsLe32 v = fts_le32 (x);
  g_byte_array_append (into, v.b, sizeof v.b);
}

static void
put_u64 (GByteArray *into, uint64_t x)
{
  FtsLe64 v = fts_le64 (x);
  g_byte_array_append (into, v.b, sizeof v.b);
}

static void
put_handle (GByteArray *into, const FtsHandle *handle)
{
  g_assert (handle->len <= FTS_HANDLE_MAX);
  put_u16 (into, handle->len);
  g_byte_array_append (into, handle->bytes, handle->len);
}

static void
put_text (GByteArray *into, const FtsText *text)
{
  g_assert (text->len <= FTS_TEXT_MAX);
  put_u16 (into, text->len);
  if (text->len > 0)
    g_byte_array_append (into, (const guint8 *) text->bytes, text->len);
}

static void
put_time (GByteArray *into, const FtsTime *time)
{
  put_u64 (into, (uint64_t) time->sec);
  put_u32 (into, time->nsec);
}

static void
put_attr (GByteArray *into, const FtsAttr *attr)
{
  put_u64 (into, attr->ino);
  put_u32 (into, attr->mode);
  put_u32 (into, attr->nlink);
  put_u32 (into, attr->uid);
  put_u32 (into, attr->gid);
  put_u64 (into, attr->rdev);
  put_u64 (into, attr->size);
  put_u64 (into, attr->blocks);
  put_u32 (into, attr->blksize);
  put_u32 (into, attr->flags);
  put_time (into, &attr->atime);
  put_time (into, &attr->mtime);
  put_time (into, &attr->ctime);
  put_time (into, &attr->btime);
}

static void
put_statfs (GByteArray *into, const FtsStatfs *fs)
{
  const uint64_t all[] = { fs->bsize, fs->frsize, fs->blocks, fs->bfree,  fs->bavail,
                           fs->files, fs->ffree,  fs->favail, fs->namemax };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    put_u64 (into, all[i]);
}

static void
put_lock (GByteArray *into, const FtsLock *lock)
{
  put_u32 (into, lock->type);
  put_u32 (into, lock->kind);
  put_u64 (into, lock->start);
  put_u64 (into, lock->end);
  put_u64 (into, lock->owner);
  put_u32 (into, lock->pid);
}

static void
put_field (GByteArray *into, Kind kind, const void *field)
{
  switch (kind) {
  case U32:
    put_u32 (into, *(const uint32_t *) field);
    return;
  case U64:
    put_u64 (into, *(const uint64_t *) field);
    return;
  case HANDLE:
    put_handle (into, field);
    return;
  case TEXT:
    put_text (into, field);
    return;
  case ATTR:
    put_attr (into, field);
    return;
  case STATFS:
    put_statfs (into, field);
    return;
  case LOCK:
    put_lock (into, field);
    return;
  }
}

/* The length stands at the very front; it is known last. */
static void
fix_length (GByteArray *into, guint start)
{
  FtsLe32 len = fts_le32 (into->len - start);
  memcpy (into->data + start, len.b, sizeof len.b);
}

void
fts_wire_encode_request (const FtsRequest *request, GByteArray *into)
{
  const FtsCommand *command = fts_wire_command (request->op);
  guint start = into->len;

  g_assert (command != NULL && request->n_groups <= FTS_GROUPS_MAX &&
            request->n_closes <= FTS_CLOSES_MAX);
  put_u32 (into, 0);
  put_u16 (into, (uint16_t) request->op);
  put_u16 (into, FTS_WIRE_VERSION);
  put_u32 (into, request->tag);
  put_u32 (into, request->flags);
  put_u32 (into, request->slot);
  put_u64 (into, request->sequence);
  put_u32 (into, request->uid);
  put_u32 (into, request->gid);
  put_u32 (into, request->umask);
  put_u32 (into, request->n_groups);
  for (uint32_t i = 0; i < request->n_groups; i++)
    put_u32 (into, request->groups[i]);
  put_u32 (into, request->n_closes);
  for (uint32_t i = 0; i < request->n_closes; i++)
    put_u64 (into, request->closes[i]);
  for (const char *letter = command->request; *letter; letter++) {
    const Operand *operand = find_operand (*letter);
    put_field (into, operand->kind, (const char *) request + operand->in_request);
  }
  fix_length (into, start);
}

void
fts_wire_encode_answer (const FtsAnswer *answer, GByteArray *into)
{
  const FtsCommand *command = fts_wire_command (answer->op);
  guint start = into->len;

  g_assert (command != NULL);
  put_u32 (into, 0);
  put_u16 (into, (uint16_t) answer->op);
  put_u16 (into, FTS_WIRE_VERSION);
  put_u32 (into, answer->tag);
  put_u32 (into, answer->status);
  put_u32 (into, answer->flags);
  for (const char *letter = answer->status ? "" : command->answer; *letter; letter++) {
    const Operand *operand = find_operand (*letter);
    put_field (into, operand->kind, (const char *) answer + operand->in_answer);
  }
  fix_length (into, start);
}

/* ---- reading ---- */

/* Bytes not read yet.  Once `bad`, every further read gives zeros. */
typedef struct {
  const uint8_t *at;
  size_t left;
  bool bad;
} Cursor;

static const uint8_t *
take (Cursor *c, size_t len)
{
  if (c->bad || len > c->left) {
    c->bad = true;
    return NULL;
  }
  const uint8_t *p = c->at;
  c->at += len;
  c->left -= len;
  return p;
}

static uint16_t
take_u16 (Cursor *c)
{
  FtsLe16 v = { { 0 } };
  const uint8_t *p = take (c, sizeof v.b);
  if (p)
    memcpy (v.b, p, sizeof v.b);
  return fts_le16_get (v);
}

static uint32_t
take_u32 (Cursor *c)
{
  FtsLe32 v = { { 0 } };
  const uint8_t *p = take (c, sizeof v.b);
  if (p)
    memcpy (v.b, p, sizeof v.b);
  return fts_le32_get (v);
}

static uint64_t
take_u64 (Cursor *c)
{
  FtsLe64 v = { { 0 } };
  const uint8_t *p = take (c, sizeof v.b);
  if (p)
    memcpy (v.b, p, sizeof v.b);
  return fts_le64_get (v);
}

static void
take_handle (Cursor *c, FtsHandle *out)
{
  uint16_t len = take_u16 (c);
  if (len > FTS_HANDLE_MAX)
    c->bad = true;
  const uint8_t *p = take (c, len);
  if (p == NULL)
    return;
  out->len = len;
  memcpy (out->bytes, p, len);
}

static void
take_text (Cursor *c, FtsText *out)
{
  uint16_t len = take_u16 (c);
  if (len > FTS_TEXT_MAX)
    c->bad = true;
  const uint8_t *p = take (c, len);
  if (p == NULL)
    return;
  if (memchr (p, 0, len) != NULL) {
    c->bad = true;
    return;
  }
  *out = (FtsText){ (const char *) p, len };
}

static void
take_time (Cursor *c, FtsTime *out)
{
  out->sec = (int64_t) take_u64 (c);
  out->nsec = take_u32 (c);
  if (out->nsec >= NSEC_PER_SEC)
    c->bad = true;
}

static void
take_attr (Cursor *c, FtsAttr *out)
{
  out->ino = take_u64 (c);
  out->mode = take_u32 (c);
  out->nlink = take_u32 (c);
  out->uid = take_u32 (c);
  out->gid = take_u32 (c);
  out->rdev = take_u64 (c);
  out->size = take_u64 (c);
  out->blocks = take_u64 (c);
  out->blksize = take_u32 (c);
  out->flags = take_u32 (c);
  take_time (c, &out->atime);
  take_time (c, &out->mtime);
  take_time (c, &out->ctime);
  take_time (c, &out->btime);
}

static void
take_statfs (Cursor *c, FtsStatfs *out)
{
  uint64_t *const all[] = { &out->bsize, &out->frsize, &out->blocks,
                            &out->bfree, &out->bavail, &out->files,
                            &out->ffree, &out->favail, &out->namemax };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    *all[i] = take_u64 (c);
}

static void
take_lock (Cursor *c, FtsLock *out)
{
  out->type = take_u32 (c);
  out->kind = take_u32 (c);
  out->start = take_u64 (c);
  out->end = take_u64 (c);
  out->owner = take_u64 (c);
  out->pid = take_u32 (c);
  if (out->type < FTS_LOCK_READ || out->type > FTS_LOCK_NONE ||
      (out->kind != FTS_LOCK_POSIX && out->kind != FTS_LOCK_FLOCK) ||
      out->end > INT64_MAX || out->start > out->end)
    c->bad = true;
}

static void
take_field (Cursor *c, Kind kind, void *field)
{
  switch (kind) {
  case U32:
    *(uint32_t *) field = take_u32 (c);
    return;
  case U64:
    *(uint64_t *) field = take_u64 (c);
    return;
  case HANDLE:
    take_handle (c, field);
    return;
  case TEXT:
    take_text (c, field);
    return;
  case ATTR:
    take_attr (c, field);
    return;
  case STATFS:
    take_statfs (c, field);
    return;
  case LOCK:
    take_lock (c, field);
    return;
  }
}

/* The front that requests and answers share.  Afterwards the cursor ends where the header's
 * length says; *COMMAND is NULL when the front is wrong. */
static const FtsCommand *
take_front (Cursor *c, uint32_t *length)
{
  size_t there = c->left;

  *length = take_u32 (c);
  FtsOp op = (FtsOp) take_u16 (c);
  uint16_t version = take_u16 (c);
  const FtsCommand *command = fts_wire_command (op);

  if (c->bad || version != FTS_WIRE_VERSION || command == NULL)
    return NULL;
  if (*length > there || *length > FTS_WIRE_HEADER_MAX || *length < there - c->left)
    return NULL;
  c->left = *length - (there - c->left);
  return command;
}

static void
take_groups (Cursor *c, FtsRequest *out)
{
  uint32_t n = take_u32 (c);
  if (n > FTS_GROUPS_MAX) {
    c->bad = true;
    return;
  }
  out->n_groups = n;
  for (uint32_t i = 0; i < n; i++)
    out->groups[i] = take_u32 (c);
}

static void
take_closes (Cursor *c, FtsRequest *out)
{
  uint32_t n = take_u32 (c);
  if (n > FTS_CLOSES_MAX) {
    c->bad = true;
    return;
  }
  out->n_closes = n;
  for (uint32_t i = 0; i < n; i++)
    out->closes[i] = take_u64 (c);
}

bool
fts_wire_decode_request (const uint8_t *bytes, size_t len, FtsRequest *out,
                         size_t *used)
{
  Cursor c = { bytes, len, false };
  uint32_t length;
  const FtsCommand *command = take_front (&c, &length);

  if (command == NULL)
    return false;
  memset (out, 0, sizeof *out);
  out->op = command->op;
  out->tag = take_u32 (&c);
  out->flags = take_u32 (&c);
  out->slot = take_u32 (&c);
  out->sequence = take_u64 (&c);
  out->uid = take_u32 (&c);
  out->gid = take_u32 (&c);
  out->umask = take_u32 (&c);
  take_groups (&c, out);
  take_closes (&c, out);
  for (const char *letter = command->request; *letter; letter++) {
    const Operand *operand = find_operand (*letter);
    take_field (&c, operand->kind, (char *) out + operand->in_request);
  }
  *used = length;
  return !c.bad && c.left == 0;
}

bool
fts_wire_decode_answer (const uint8_t *bytes, size_t len, FtsAnswer *out, size_t *used)
{
  Cursor c = { bytes, len, false };
  uint32_t length;
  const FtsCommand *command = take_front (&c, &length);

  if (command == NULL)
    return false;
  memset (out, 0, sizeof *out);
  out->op = command->op;
  out->tag = take_u32 (&c);
  out->status = take_u32 (&c);
  out->flags = take_u32 (&c);
  for (const char *letter = out->status ? "" : command->answer; *letter; letter++) {
    const Operand *operand = find_operand (*letter);
    take_field (&c, operand->kind, (char *) out + operand->in_answer);
  }
  *used = length;
  return !c.bad && c.left == 0;
}

/* ---- directory entries: length u32, cookie u64, name, handle, attr ---- */

size_t
fts_wire_encode_dirent (const FtsDirent *entry, GByteArray *into, size_t max)
{
  guint start = into->len;

  put_u32 (into, 0);
  put_u64 (into, entry->cookie);
  put_text (into, &entry->name);
  put_handle (into, &entry->handle);
  put_attr (into, &entry->attr);
  fix_length (into, start);
  if (into->len > max) {
    g_byte_array_set_size (into, start);
    return 0;
  }
  return into->len - start;
}

bool
fts_wire_decode_dirent (const uint8_t *bytes, size_t len, FtsDirent *out, size_t *used)
{
  Cursor c = { bytes, len, false };
  uint32_t length = take_u32 (&c);

  if (c.bad || length > len || length < 4)
    return false;
  c.left = length - 4;
  memset (out, 0, sizeof *out);
  out->cookie = take_u64 (&c);
  take_text (&c, &out->name);
  take_handle (&c, &out->handle);
  take_attr (&c, &out->attr);
  *used = length;
  return !c.bad && c.left == 0 && out->name.len > 0;
}

/* ---- notices: kind u32, handle, name, number u64 ---- */

void
fts_wire_encode_notice (const FtsNotice *notice, GByteArray *into)
{
  put_u32 (into, notice->kind);
  put_handle (into, &notice->handle);
  put_text (into, &notice->name);
  put_u64 (into, notice->number);
}

bool
fts_wire_decode_notice (const uint8_t *bytes, size_t len, FtsNotice *out, size_t *used)
{
  Cursor c = { bytes, len, false };

  memset (out, 0, sizeof *out);
  uint32_t kind = take_u32 (&c);
  take_handle (&c, &out->handle);
  take_text (&c, &out->name);
  out->number = take_u64 (&c);
  *used = len - c.left;
  out->kind = (FtsNoticeKind) kind;
  return !c.bad && kind >= FTS_NOTICE_FILE && kind <= FTS_NOTICE_LOCK &&
         (out->handle.len > 0) == (kind <= FTS_NOTICE_NAME) &&
         (out->name.len > 0) == (kind == FTS_NOTICE_NAME) &&
         (out->number > 0) == (kind == FTS_NOTICE_LOCK);
}

/* ---- OPENS: status u32, flags u32, open_id u64, attr, length u32, first bytes ---- */

void
fts_wire_encode_handle (const FtsHandle *handle, GByteArray *into)
{
  put_handle (into, handle);
}

bool
fts_wire_decode_handle (const uint8_t *bytes, size_t len, FtsHandle *out, size_t *used)
{
  Cursor c = { bytes, len, false };

  memset (out, 0, sizeof *out);
  take_handle (&c, out);
  *used = len - c.left;
  return !c.bad && out->len > 0;
}

void
fts_wire_encode_opened (const FtsOpened *opened, GByteArray *into)
{
  put_u32 (into, opened->status);
  put_u32 (into, opened->flags);
  put_u64 (into, opened->open_id);
  put_attr (into, &opened->attr);
  put_u32 (into, opened->first_len);
  if (opened->first_len > 0)
    g_byte_array_append (into, opened->first, opened->first_len);
}

bool
fts_wire_decode_opened (const uint8_t *bytes, size_t len, FtsOpened *out, size_t *used)
{
  Cursor c = { bytes, len, false };

  memset (out, 0, sizeof *out);
  out->status = take_u32 (&c);
  out->flags = take_u32 (&c);
  out->open_id = take_u64 (&c);
  take_attr (&c, &out->attr);
  out->first_len = take_u32 (&c);
  out->first = take (&c, out->first_len);
  *used = len - c.left;
  return !c.bad && (out->open_id != 0) == (out->status == 0) &&
         (out->status == 0 || out->first_len == 0);
}

/* ---- chunks: kind u32, status u32, crc u32, zero u32, offset u64, len u64 ---- */

typedef struct {
  FtsLe32 kind, status, crc, zero;
  FtsLe64 offset, len;
} ChunkWire;

_Static_assert(sizeof (ChunkWire) == FTS_CHUNK_LEN, "chunk header");

void
fts_wire_encode_chunk (const FtsChunk *chunk, uint8_t out[FTS_CHUNK_LEN])
{
  ChunkWire wire = {
    .kind = fts_le32 (chunk->kind),
    .status = fts_le32 (chunk->status),
    .crc = fts_le32 (chunk->crc),
    .offset = fts_le64 (chunk->offset),
    .len = fts_le64 (chunk->len),
  };
  memcpy (out, &wire, sizeof wire);
}

bool
fts_wire_decode_chunk (const uint8_t *bytes, size_t len, FtsChunk *out)
{
  ChunkWire wire;

  if (len < sizeof wire)
    return false;
  memcpy (&wire, bytes, sizeof wire);
  uint32_t kind = fts_le32_get (wire.kind);
  uint64_t offset = fts_le64_get (wire.offset);
  uint64_t length = fts_le64_get (wire.len);
  if (kind < FTS_CHUNK_DATA || kind > FTS_CHUNK_END || fts_le32_get (wire.zero) != 0)
    return false;
  if (offset > INT64_MAX || length > INT64_MAX - offset)
    return false;
  if (kind == FTS_CHUNK_DATA && length > len - sizeof wire)
    return false;
  *out = (FtsChunk){
    .kind = (FtsChunkKind) kind,
    .status = fts_le32_get (wire.status),
    .crc = fts_le32_get (wire.crc),
    .offset = offset,
    .len = length,
  };
  return true;
}

/* ---- the name of an unfinished transfer ---- */

char *
fts_wire_partial_name (const char *name, const FtsAttr *source)
{
  const FtsLe64 facts[] = { fts_le64 (source->size),
                            fts_le64 ((uint64_t) source->mtime.sec),
                            fts_le64 (source->mtime.nsec) };
  uint32_t mark =
    fts_crc32c_extend (fts_crc32c (facts, sizeof facts), name, strlen (name));

  return g_strdup_printf (".%.*s.fts-%08x", (int) FTS_PARTIAL_STEM_MAX, name, mark);
}
