#include "fts/handle_bytes.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define HANDLE_VERSION  2u
#define HEADER_LEN      8u
#define PROOF_LEN       crypto_shorthash_siphashx24_BYTES
#define WHERE_MAX       (FTS_HANDLE_MAX - HEADER_LEN - PROOF_LEN)
#define KERNEL_TYPE_LEN 4u
#define FILE_ID_LEN     28u

static_assert (KERNEL_TYPE_LEN + MAX_HANDLE_SZ <= WHERE_MAX, "kernel handle fits");
static_assert (FILE_ID_LEN <= WHERE_MAX, "file id fits");
static_assert (FTS_HANDLE_KEY_LEN >= crypto_shorthash_siphashx24_KEYBYTES, "key");

static void
put (FtsHandle *handle, const void *bytes, size_t len)
{
  memcpy (handle->bytes + handle->len, bytes, len);
  handle->len = (uint16_t) (handle->len + len);
}

/* ---- where ---- */

static void
put_kernel (FtsHandle *handle, const struct file_handle *kernel)
{
  FtsLe32 type = fts_le32 ((uint32_t) kernel->handle_type);

  put (handle, &type, sizeof type);
  put (handle, kernel->f_handle, kernel->handle_bytes);
}

static bool
get_kernel (const uint8_t *bytes, size_t len, FtsKernelHandle *out)
{
  FtsLe32 type;

  if (len < KERNEL_TYPE_LEN || len > KERNEL_TYPE_LEN + MAX_HANDLE_SZ)
    return false;
  memcpy (&type, bytes, sizeof type);
  out->handle.handle_type = (int) fts_le32_get (type);
  out->handle.handle_bytes = (unsigned) (len - KERNEL_TYPE_LEN);
  memcpy (out->handle.f_handle, bytes + KERNEL_TYPE_LEN, len - KERNEL_TYPE_LEN);
  return true;
}

static void
put_file (FtsHandle *handle, const FtsFileId *id)
{
  FtsLe64 dev = fts_le64 (id->dev);
  FtsLe64 ino = fts_le64 (id->ino);
  FtsLe64 sec = fts_le64 ((uint64_t) id->btime_sec);
  FtsLe32 nsec = fts_le32 (id->btime_nsec);

  put (handle, &dev, sizeof dev);
  put (handle, &ino, sizeof ino);
  put (handle, &sec, sizeof sec);
  put (handle, &nsec, sizeof nsec);
}

static bool
get_file (const uint8_t *bytes, size_t len, FtsFileId *out)
{
  FtsLe64 dev;
  FtsLe64 ino;
  FtsLe64 sec;
  FtsLe32 nsec;

  if (len != FILE_ID_LEN)
    return false;
  memcpy (&dev, bytes, 8);
  memcpy (&ino, bytes + 8, 8);
  memcpy (&sec, bytes + 16, 8);
  memcpy (&nsec, bytes + 24, 4);
  *out = (FtsFileId){ fts_le64_get (dev), fts_le64_get (ino),
                      (int64_t) fts_le64_get (sec), fts_le32_get (nsec) };
  return true;
}

bool
fts_file_id_equal (const FtsFileId *a, const FtsFileId *b)
{
  return a->dev == b->dev && a->ino == b->ino && a->btime_sec == b->btime_sec &&
         a->btime_nsec == b->btime_nsec;
}

/* ---- handles ---- */

/* The header, for a `where` that is put behind it next. */
static void
begin (const FtsSeal *seal, FtsWhereKind kind, FtsHandle *out)
{
  const uint8_t front[] = { HANDLE_VERSION, (uint8_t) kind, 0, 0 };
  FtsLe32 id = fts_le32 (seal->export_id);

  out->len = 0;
  put (out, front, sizeof front);
  put (out, &id, sizeof id);
}

static void
end (FtsHandle *out)
{
  FtsLe16 len = fts_le16 ((uint16_t) (out->len - HEADER_LEN));

  memcpy (out->bytes + 2, &len, sizeof len);
}

void
fts_handle_identify_kernel (const FtsSeal *seal, const struct file_handle *kernel,
                            FtsHandle *out)
{
  begin (seal, FTS_WHERE_KERNEL, out);
  put_kernel (out, kernel);
  end (out);
}

void
fts_handle_identify (const FtsSeal *seal, const FtsWhere *where, FtsHandle *out)
{
  if (where->kind == FTS_WHERE_KERNEL) {
    fts_handle_identify_kernel (seal, &where->kernel.handle, out);
    return;
  }
  begin (seal, where->kind, out);
  if (where->kind == FTS_WHERE_FILE)
    put_file (out, &where->file);
  end (out);
}

/* The first half of the key is enough for it. */
static void
make_proof (const FtsSeal *seal, const uint8_t *bytes, size_t len,
            uint8_t out[PROOF_LEN])
{
  crypto_shorthash_siphashx24 (out, bytes, len, seal->key);
}

void
fts_handle_prove (const FtsSeal *seal, FtsHandle *handle)
{
  uint8_t proof[PROOF_LEN];

  make_proof (seal, handle->bytes, handle->len, proof);
  put (handle, proof, sizeof proof);
}

size_t
fts_handle_identity_len (const FtsHandle *handle)
{
  return handle->len > PROOF_LEN ? handle->len - PROOF_LEN : handle->len;
}

bool
fts_handle_is_root (const FtsHandle *handle)
{
  return handle->len >= HEADER_LEN && handle->bytes[1] == FTS_WHERE_ROOT;
}

bool
fts_handle_is_of (const FtsSeal *seal, const FtsHandle *handle)
{
  FtsLe32 id;

  if (handle->len < HEADER_LEN)
    return false;
  memcpy (&id, handle->bytes + 4, sizeof id);
  return fts_le32_get (id) == seal->export_id;
}

static bool
has_proof (const FtsSeal *seal, const FtsHandle *handle)
{
  uint8_t proof[PROOF_LEN];
  size_t len = handle->len - PROOF_LEN;

  make_proof (seal, handle->bytes, len, proof);
  return sodium_memcmp (proof, handle->bytes + len, PROOF_LEN) == 0;
}

bool
fts_handle_unseal (const FtsSeal *seal, const FtsHandle *handle, FtsWhere *out)
{
  const uint8_t *where = handle->bytes + HEADER_LEN;
  FtsLe16 len;

  if (handle->len < HEADER_LEN + PROOF_LEN || handle->bytes[0] != HANDLE_VERSION ||
      !fts_handle_is_of (seal, handle))
    return false;
  memcpy (&len, handle->bytes + 2, sizeof len);
  size_t where_len = fts_le16_get (len);
  if (handle->len != HEADER_LEN + where_len + PROOF_LEN)
    return false;
  out->kind = (FtsWhereKind) handle->bytes[1];
  switch (out->kind) {
  case FTS_WHERE_ROOT:
    return where_len == 0;
  case FTS_WHERE_KERNEL:
    return get_kernel (where, where_len, &out->kernel) && has_proof (seal, handle);
  case FTS_WHERE_FILE:
    return get_file (where, where_len, &out->file) && has_proof (seal, handle);
  }
  return false;
}
