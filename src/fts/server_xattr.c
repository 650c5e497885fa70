/* server_xattr.c - commands on extended attributes, POSIX ACL among them.
 *
 * The kernel does them with the caller's rights, by way of /proc/self/fd as a bare descriptor
 * cannot; that leads to the very file, a symlink itself included.  Two name spaces are bound to
 * capabilities that a change of the file-system user does not take from the server's thread;
 * their rules are checked here:
 *
 * trusted.*   only root sees and changes them (to others: absent, EPERM)
 * security.*  everybody sees them; root changes them, if the export trusts the peer with set-id
 *             bits: security.capability is one under another name
 *
 * Errors: those of getxattr(2) and its like.
 */
#include "fts/server_ops.h"

#include "fts/caller.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include <linux/xattr.h>

typedef struct {
  char path[FTS_FD_PATH_LEN];
  char name[XATTR_NAME_MAX + 1];
} Place;

static void
find_file (const FtsJob *job, Place *place)
{
  fts_caller_path_of_fd (job->file->fd, place->path);
}

static int
find_place (const FtsJob *job, Place *place)
{
  const FtsText *name = &job->request->name;

  if (name->len == 0 || name->len > XATTR_NAME_MAX)
    return ERANGE;
  memcpy (place->name, name->bytes, name->len);
  place->name[name->len] = '\0';
  find_file (job, place);
  return 0;
}

static bool
is_hidden (const FtsJob *job, const char *name)
{
  return job->request->uid != 0 && g_str_has_prefix (name, XATTR_TRUSTED_PREFIX);
}

static int
may_change (const FtsJob *job, const char *name)
{
  bool is_root = job->request->uid == 0;

  if (g_str_has_prefix (name, XATTR_TRUSTED_PREFIX))
    return is_root ? 0 : EPERM;
  if (g_str_has_prefix (name, XATTR_SECURITY_PREFIX))
    return is_root && job->export->allow_setid ? 0 : EPERM;
  return 0;
}

/* The users that an ACL names, as the peer's or this host's numbers. */
static void
map_acl (const FtsJob *job, FtsIdFunc func, const char *name, GByteArray *value)
{
  if (value != NULL)
    fts_idmap_acl (&job->export->rights.map, func, name, value->data, value->len);
}

/* LEN bytes of what was asked for, or -1 with errno, lie in DATA (NULL: nothing was wanted). */
static int
answer_value (FtsJob *job, GByteArray *data, ssize_t len)
{
  if (len < 0) {
    g_clear_pointer (&data, g_byte_array_unref);
    return errno;
  }
  job->answer.length = (uint64_t) len;
  if (data != NULL)
    g_byte_array_set_size (data, (guint) len);
  job->data = data;
  return 0;
}

static GByteArray *
make_room (uint64_t want, size_t most)
{
  if (want == 0)
    return NULL;
  GByteArray *data = g_byte_array_new ();
  g_byte_array_set_size (data, (guint) MIN (want, most));
  return data;
}

int
fts_serve_getxattr (FtsJob *job)
{
  Place place;
  int failed = find_place (job, &place);

  if (failed)
    return failed;
  if (is_hidden (job, place.name))
    return ENODATA;
  GByteArray *data = make_room (job->request->length, XATTR_SIZE_MAX);
  ssize_t len =
    getxattr (place.path, place.name, data ? data->data : NULL, data ? data->len : 0);
  failed = answer_value (job, data, len);
  if (!failed)
    map_acl (job, fts_idmap_to_there, place.name, job->data);
  return failed;
}

/* The value is whatever data came. */
static int
take_value (FtsJob *job, GByteArray *value)
{
  const uint8_t *data;
  size_t len;

  do {
    if (!fts_job_take_data (job, &data, &len))
      return EIO;
    if (len > XATTR_SIZE_MAX - value->len)
      return E2BIG;
    g_byte_array_append (value, data, (guint) len);
  } while (len > 0);
  return 0;
}

int
fts_serve_setxattr (FtsJob *job)
{
  g_autoptr (GByteArray) value = g_byte_array_new ();
  uint32_t flags = job->request->open_flags;
  Place place;
  int failed = find_place (job, &place);

  if (!failed)
    failed = may_change (job, place.name);
  if (!failed && flags & ~(uint32_t) (XATTR_CREATE | XATTR_REPLACE))
    failed = EINVAL;
  if (!failed)
    failed = take_value (job, value);
  if (failed)
    return failed;
  map_acl (job, fts_idmap_to_here, place.name, value);
  return setxattr (place.path, place.name, value->data, value->len, (int) flags) == 0
           ? 0
           : errno;
}

int
fts_serve_removexattr (FtsJob *job)
{
  Place place;
  int failed = find_place (job, &place);

  if (!failed)
    failed = may_change (job, place.name);
  if (failed)
    return failed;
  return removexattr (place.path, place.name) == 0 ? 0 : errno;
}

/* Takes the names out of NAMES that the caller does not see. */
static size_t
drop_hidden (const FtsJob *job, char *names, size_t len)
{
  size_t kept = 0;

  for (size_t at = 0; at < len;) {
    size_t one = strnlen (names + at, len - at - 1) + 1;
    if (!is_hidden (job, names + at)) {
      memmove (names + kept, names + at, one);
      kept += one;
    }
    at += one;
  }
  return kept;
}

/* The whole list, whatever the caller's room: hidden names must not count. */
int
fts_serve_listxattr (FtsJob *job)
{
  uint64_t room = job->request->length;
  g_autofree char *names = g_malloc (XATTR_LIST_MAX);
  Place place;

  find_file (job, &place);
  ssize_t all = listxattr (place.path, names, XATTR_LIST_MAX);
  if (all < 0)
    return errno;
  size_t len = drop_hidden (job, names, (size_t) all);
  if (room > 0 && len > room)
    return ERANGE;
  job->answer.length = len;
  if (room > 0) {
    job->data = g_byte_array_new ();
    g_byte_array_append (job->data, (const guint8 *) names, (guint) len);
  }
  return 0;
}
