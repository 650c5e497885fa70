#include "prog/ftsfs/inodes.h"

#include "prog/ftsfs/names.h"

#include <string.h>

struct FtsInodes {
  pthread_mutex_t lock;  /* all below, and each inode's lookups and refs */
  GHashTable *by_id;     /* &inode->id -> inode */
  GHashTable *by_handle; /* &inode->handle -> inode */
  uint64_t last_id;
  FtsNames *names;

  /* written under the lock, read without */
  atomic_uint_fast64_t trusted_since;
  atomic_uint_fast64_t
    unknown; /* clock of the last change of a file that is not here */
};

/* Handles end with a keyed hash: any way to mix their bytes will do, in words for speed. */
static guint
hash_handle (gconstpointer key)
{
  const FtsHandle *handle = key;
  uint64_t h = handle->len;

  for (unsigned i = 0; i < handle->len; i += sizeof h) {
    uint64_t word = 0;
    memcpy (&word, handle->bytes + i, MIN (sizeof word, handle->len - i));
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
  }
  return (guint) h;
}

static gboolean
equal_handle (gconstpointer a, gconstpointer b)
{
  const FtsHandle *left = a, *right = b;

  return left->len == right->len && memcmp (left->bytes, right->bytes, left->len) == 0;
}

static FtsInode *
add_locked (FtsInodes *inodes, const FtsHandle *handle)
{
  FtsInode *inode = g_new0 (FtsInode, 1);

  inode->id = ++inodes->last_id;
  inode->handle = *handle;
  inode->table = inodes;
  inode->xattr_changed = inodes->unknown;
  atomic_init (&inode->changed, inode->xattr_changed);
  atomic_init (&inode->pushed, inode->xattr_changed);
  pthread_mutex_init (&inode->lock, NULL);
  g_hash_table_insert (inodes->by_id, &inode->id, inode);
  g_hash_table_insert (inodes->by_handle, &inode->handle, inode);
  return inode;
}

static void
free_inode (FtsInode *inode)
{
  pthread_mutex_destroy (&inode->lock);
  g_free (inode);
}

/* Out of the table when neither the kernel nor we know it any more. */
static bool
remove_if_unused_locked (FtsInodes *inodes, FtsInode *inode)
{
  if (inode->lookups > 0 || inode->refs > 0 || inode->id == FTS_INODE_ROOT)
    return false;
  g_hash_table_remove (inodes->by_id, &inode->id);
  g_hash_table_remove (inodes->by_handle, &inode->handle);
  fts_names_drop_list (inodes->names, &inode->names);
  return true;
}

FtsInodes *
fts_inodes_new (const FtsHandle *root)
{
  FtsInodes *inodes = g_new0 (FtsInodes, 1);

  pthread_mutex_init (&inodes->lock, NULL);
  inodes->by_id = g_hash_table_new (g_int64_hash, g_int64_equal);
  inodes->by_handle = g_hash_table_new (hash_handle, equal_handle);
  inodes->names = fts_names_new ();
  inodes->trusted_since = FTS_INODES_NEVER;
  add_locked (inodes, root);
  return inodes;
}

void
fts_inodes_free (FtsInodes *inodes)
{
  GHashTableIter iter;
  gpointer inode;

  if (inodes == NULL)
    return;
  fts_names_free (inodes->names);
  g_hash_table_destroy (inodes->by_handle);
  g_hash_table_iter_init (&iter, inodes->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &inode))
    free_inode (inode);
  g_hash_table_destroy (inodes->by_id);
  pthread_mutex_destroy (&inodes->lock);
  g_free (inodes);
}

FtsInode *
fts_inodes_find (FtsInodes *inodes, uint64_t id)
{
  pthread_mutex_lock (&inodes->lock);
  FtsInode *inode = g_hash_table_lookup (inodes->by_id, &id);
  if (inode)
    inode->refs++;
  pthread_mutex_unlock (&inodes->lock);
  return inode;
}

FtsInode *
fts_inodes_peek (FtsInodes *inodes, const FtsHandle *handle)
{
  pthread_mutex_lock (&inodes->lock);
  FtsInode *inode = g_hash_table_lookup (inodes->by_handle, handle);
  if (inode)
    inode->refs++;
  pthread_mutex_unlock (&inodes->lock);
  return inode;
}

/* Learns what is here, or may be ADDed. */
static FtsInode *
learn (FtsInodes *inodes, const FtsHandle *handle, bool add)
{
  pthread_mutex_lock (&inodes->lock);
  FtsInode *inode = g_hash_table_lookup (inodes->by_handle, handle);
  if (inode == NULL && add)
    inode = add_locked (inodes, handle);
  if (inode != NULL) {
    inode->lookups++;
    inode->refs++;
  }
  pthread_mutex_unlock (&inodes->lock);
  return inode;
}

FtsInode *
fts_inodes_learn (FtsInodes *inodes, const FtsHandle *handle)
{
  return learn (inodes, handle, true);
}

FtsInode *
fts_inodes_learn_known (FtsInodes *inodes, const FtsHandle *handle)
{
  return learn (inodes, handle, false);
}

void
fts_inodes_forget (FtsInodes *inodes, uint64_t id, uint64_t n)
{
  bool unused = false;

  pthread_mutex_lock (&inodes->lock);
  FtsInode *inode = g_hash_table_lookup (inodes->by_id, &id);
  if (inode) {
    inode->lookups -= MIN (n, inode->lookups);
    unused = remove_if_unused_locked (inodes, inode);
  }
  pthread_mutex_unlock (&inodes->lock);
  if (unused)
    free_inode (inode);
}

unsigned
fts_inodes_count (FtsInodes *inodes)
{
  pthread_mutex_lock (&inodes->lock);
  unsigned n = g_hash_table_size (inodes->by_id);
  pthread_mutex_unlock (&inodes->lock);
  return n;
}

FtsInode *
fts_inode_ref (FtsInode *inode)
{
  pthread_mutex_lock (&inode->table->lock);
  inode->refs++;
  pthread_mutex_unlock (&inode->table->lock);
  return inode;
}

void
fts_inode_unref (FtsInode *inode)
{
  if (inode == NULL)
    return;
  FtsInodes *inodes = inode->table;
  pthread_mutex_lock (&inodes->lock);
  inode->refs--;
  bool unused = remove_if_unused_locked (inodes, inode);
  pthread_mutex_unlock (&inodes->lock);
  if (unused)
    free_inode (inode);
}

/* ---- what the kernel may keep for long ---- */

void
fts_inodes_note_unknown_file (FtsInodes *inodes, const FtsHandle *handle, uint64_t now,
                              FtsInode **inode)
{
  pthread_mutex_lock (&inodes->lock);
  *inode = g_hash_table_lookup (inodes->by_handle, handle);
  if (*inode != NULL)
    (*inode)->refs++;
  else
    inodes->unknown = MAX (inodes->unknown, now);
  pthread_mutex_unlock (&inodes->lock);
}

uint64_t
fts_inodes_unknown (FtsInodes *inodes)
{
  return inodes->unknown;
}

void
fts_inodes_trust (FtsInodes *inodes, uint64_t since)
{
  pthread_mutex_lock (&inodes->lock);
  inodes->trusted_since = since;
  pthread_mutex_unlock (&inodes->lock);
}

bool
fts_inodes_are_trusted (FtsInodes *inodes, uint64_t at)
{
  return inodes->trusted_since <= at;
}

bool
fts_inodes_keep_name (FtsInodes *inodes, const FtsInode *parent, const char *name,
                      FtsInode *child, uint64_t at, double timeout)
{
  pthread_mutex_lock (&inodes->lock);
  bool keep = inodes->trusted_since <= at &&
              fts_names_add (inodes->names, parent->id, name,
                             child ? &child->names : NULL, timeout);
  pthread_mutex_unlock (&inodes->lock);
  return keep;
}

void
fts_inodes_move_name (FtsInodes *inodes, const FtsInode *parent, const char *name,
                      const FtsInode *new_parent, const char *new_name)
{
  pthread_mutex_lock (&inodes->lock);
  fts_names_move (inodes->names, parent->id, name, new_parent ? new_parent->id : 0,
                  new_name);
  pthread_mutex_unlock (&inodes->lock);
}

void
fts_inodes_exchange_names (FtsInodes *inodes, const FtsInode *parent, const char *name,
                           const FtsInode *other_parent, const char *other_name)
{
  pthread_mutex_lock (&inodes->lock);
  fts_names_exchange (inodes->names, parent->id, name, other_parent->id, other_name);
  pthread_mutex_unlock (&inodes->lock);
}

void
fts_inodes_take_kept (FtsInodes *inodes, uint64_t since, uint64_t now, GPtrArray **all,
                      GArray **names)
{
  GHashTableIter iter;
  gpointer value;

  *names = g_array_new (FALSE, FALSE, sizeof (FtsKeptName));
  pthread_mutex_lock (&inodes->lock);
  *all = g_ptr_array_sized_new (g_hash_table_size (inodes->by_id));
  inodes->trusted_since = since;
  inodes->unknown = MAX (inodes->unknown, now);
  g_hash_table_iter_init (&iter, inodes->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    FtsInode *inode = value;
    inode->refs++;
    g_ptr_array_add (*all, inode);
  }
  fts_names_take_all (inodes->names, *names);
  pthread_mutex_unlock (&inodes->lock);
}

/* ---- versions ---- */
static FtsVersion
version_of (const FtsAttr *attr)
{
  return (FtsVersion){ attr->size, attr->mtime, attr->ctime };
}

static bool
equal_time (FtsTime a, FtsTime b)
{
  return a.sec == b.sec && a.nsec == b.nsec;
}

static bool
equal_version (const FtsVersion *a, const FtsVersion *b)
{
  return a->size == b->size && equal_time (a->mtime, b->mtime) &&
         equal_time (a->ctime, b->ctime);
}

bool
fts_inode_set_version (FtsInode *inode, const FtsAttr *attr)
{
  FtsVersion now = version_of (attr);

  pthread_mutex_lock (&inode->lock);
  bool same = inode->has_version && equal_version (&inode->version, &now);
  inode->version = now;
  inode->has_version = true;
  pthread_mutex_unlock (&inode->lock);
  return same;
}

/* What the peer said at clock AT is worth nothing when we changed the file since. */
static void
learn_locked (FtsInode *inode, const FtsAttr *attr, uint64_t at)
{
  int64_t now_us = g_get_monotonic_time ();
  bool plain = attr->flags & FTS_ATTR_PLAIN && inode->xattr_changed <= at;

  inode->known = *attr;
  inode->known_at = at;
  inode->known_us = attr->ino != 0 && inode->changed <= at ? now_us : 0;
  inode->plain_us = plain ? now_us : 0;
}

void
fts_inode_set_told (FtsInode *inode, const FtsAttr *attr)
{
  pthread_mutex_lock (&inode->lock);
  inode->told = version_of (attr);
  inode->has_told = true;
  pthread_mutex_unlock (&inode->lock);
}

void
fts_inode_set_known (FtsInode *inode, const FtsAttr *attr, uint64_t at, bool watched)
{
  pthread_mutex_lock (&inode->lock);
  learn_locked (inode, attr, at);
  if (watched && inode->pushed <= at)
    inode->is_kept = true;
  pthread_mutex_unlock (&inode->lock);
}

void
fts_inode_set_after (FtsInode *inode, const FtsAttr *attr, uint64_t at, uint64_t now)
{
  pthread_mutex_lock (&inode->lock);
  learn_locked (inode, attr, at);
  inode->known_at = now;
  inode->changed = MAX (inode->changed, now);
  pthread_mutex_unlock (&inode->lock);
}

void
fts_inode_last_known (FtsInode *inode, FtsAttr *out)
{
  pthread_mutex_lock (&inode->lock);
  *out = inode->known;
  pthread_mutex_unlock (&inode->lock);
}

bool
fts_inode_get_known (FtsInode *inode, uint64_t since, int64_t timeout_us, FtsAttr *out,
                     int64_t *left_us)
{
  pthread_mutex_lock (&inode->lock);
  *left_us = inode->known_us + timeout_us - g_get_monotonic_time ();
  bool known = inode->known_us != 0 && inode->known_at >= since && *left_us > 0;
  if (known)
    *out = inode->known;
  pthread_mutex_unlock (&inode->lock);
  return known;
}

bool
fts_inode_is_plain (FtsInode *inode, int64_t timeout_us)
{
  pthread_mutex_lock (&inode->lock);
  bool plain =
    inode->plain_us != 0 && g_get_monotonic_time () - inode->plain_us < timeout_us;
  pthread_mutex_unlock (&inode->lock);
  return plain;
}

void
fts_inode_set_xattr_changed (FtsInode *inode, uint64_t now)
{
  pthread_mutex_lock (&inode->lock);
  inode->xattr_changed = MAX (inode->xattr_changed, now);
  inode->plain_us = 0;
  pthread_mutex_unlock (&inode->lock);
}

bool
fts_inode_told_other (FtsInode *inode, const FtsAttr *attr)
{
  FtsVersion now = version_of (attr);

  pthread_mutex_lock (&inode->lock);
  bool other = inode->has_told && !equal_version (&inode->told, &now);
  pthread_mutex_unlock (&inode->lock);
  return other;
}

uint64_t
fts_inode_told_size (FtsInode *inode)
{
  pthread_mutex_lock (&inode->lock);
  uint64_t size = inode->has_told ? inode->told.size : 0;
  pthread_mutex_unlock (&inode->lock);
  return size;
}

void
fts_inode_set_changed (FtsInode *inode, uint64_t now, bool data)
{
  pthread_mutex_lock (&inode->lock);
  inode->changed = MAX (inode->changed, now);
  inode->known_us = 0;
  if (data)
    inode->has_version = false;
  pthread_mutex_unlock (&inode->lock);
}

uint64_t
fts_inode_changed (FtsInode *inode)
{
  return inode->changed;
}

void
fts_inode_set_no_capability (FtsInode *inode, int64_t until_us)
{
  pthread_mutex_lock (&inode->lock);
  inode->no_capability_until_us = until_us;
  pthread_mutex_unlock (&inode->lock);
}

bool
fts_inode_has_no_capability (FtsInode *inode)
{
  pthread_mutex_lock (&inode->lock);
  bool none = g_get_monotonic_time () < inode->no_capability_until_us;
  pthread_mutex_unlock (&inode->lock);
  return none;
}

void
fts_inode_set_pushed (FtsInode *inode, uint64_t now)
{
  pthread_mutex_lock (&inode->lock);
  inode->changed = MAX (inode->changed, now);
  inode->pushed = MAX (inode->pushed, now);
  inode->has_version = false;
  inode->is_kept = false;
  inode->known_us = 0;
  inode->xattr_changed = MAX (inode->xattr_changed, now);
  inode->plain_us = inode->no_capability_until_us = 0;
  pthread_mutex_unlock (&inode->lock);
}

uint64_t
fts_inode_pushed (FtsInode *inode)
{
  return inode->pushed;
}

bool
fts_inode_is_kept (FtsInode *inode)
{
  return inode->is_kept;
}
