/* openfile.c - see openfile.h. */
#include "fts/openfile.h"

#include "base/crc.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of so many files at most it is asked whether they may rest, each time one is opened. */
#define MOST_ASKED 8u

struct FtsOpenFiles {
  pthread_mutex_t lock; /* all below; of each file: fd, users, kept, link */
  GQueue awake;         /* with a descriptor, used last first */
  GHashTable *resting;  /* handle -> GSList of files */
  unsigned most;
};

static guint
hash_handle (gconstpointer key)
{
  const FtsHandle *handle = key;
  return fts_crc32c (handle->bytes, handle->len);
}

static gboolean
equal_handles (gconstpointer a, gconstpointer b)
{
  const FtsHandle *x = a;
  const FtsHandle *y = b;
  return x->len == y->len && memcmp (x->bytes, y->bytes, x->len) == 0;
}

FtsOpenFiles *
fts_open_files_new (unsigned most)
{
  FtsOpenFiles *files = g_new0 (FtsOpenFiles, 1);

  pthread_mutex_init (&files->lock, NULL);
  g_queue_init (&files->awake);
  files->resting = g_hash_table_new_full (hash_handle, equal_handles, g_free, NULL);
  files->most = most;
  return files;
}

void
fts_open_files_free (FtsOpenFiles *files)
{
  g_hash_table_unref (files->resting);
  pthread_mutex_destroy (&files->lock);
  g_free (files);
}

/* ---- resting ---- */

static GSList *
resting_of (const FtsOpenFiles *files, const FtsHandle *handle)
{
  return g_hash_table_lookup (files->resting, handle);
}

static void
set_resting (FtsOpenFiles *files, const FtsHandle *handle, GSList *list)
{
  if (list == NULL)
    g_hash_table_remove (files->resting, handle);
  else
    g_hash_table_replace (files->resting, g_memdup2 (handle, sizeof *handle), list);
}

static bool
may_rest (const FtsOpenFile *file)
{
  struct stat st;

  return file->users == 0 && fstat (file->fd, &st) == 0 && st.st_nlink > 0;
}

/* Its descriptor, for the caller to close without the lock. */
static int
lay_down_locked (FtsOpenFiles *files, FtsOpenFile *file)
{
  int fd = file->fd;

  g_queue_unlink (&files->awake, &file->link);
  file->fd = -1;
  set_resting (files, &file->handle,
               g_slist_prepend (resting_of (files, &file->handle), file));
  return fd;
}

/* Too many are awake: the next to rest, or -1.  What may not rest goes to the front. */
static int
choose_rest_locked (FtsOpenFiles *files)
{
  if (files->most == 0 || files->awake.length <= files->most)
    return -1;
  for (unsigned i = 0; i < MOST_ASKED && files->awake.tail != NULL; i++) {
    FtsOpenFile *file = files->awake.tail->data;
    if (may_rest (file))
      return lay_down_locked (files, file);
    g_queue_unlink (&files->awake, &file->link);
    g_queue_push_head_link (&files->awake, &file->link);
  }
  return -1;
}

static void
close_if_open (int fd)
{
  if (fd >= 0)
    close (fd);
}

/* ---- a file's life ---- */

FtsOpenFile *
fts_open_file_new (FtsOpenFiles *files, int fd, uint32_t open_flags,
                   const FtsHandle *handle)
{
  FtsOpenFile *file = g_new0 (FtsOpenFile, 1);

  *file = (FtsOpenFile){
    .fd = fd, .open_flags = open_flags, .handle = *handle, .files = files, .kept = true
  };
  file->link.data = file;
  pthread_mutex_lock (&files->lock);
  g_queue_push_head_link (&files->awake, &file->link);
  int rests = choose_rest_locked (files);
  pthread_mutex_unlock (&files->lock);
  close_if_open (rests);
  return file;
}

/* Out of the registry when nobody has it any more: its descriptor is to be closed then, and it is
 * to be freed. */
static bool
is_over_locked (FtsOpenFiles *files, FtsOpenFile *file)
{
  if (file->kept || file->users > 0)
    return false;
  if (file->fd >= 0)
    g_queue_unlink (&files->awake, &file->link);
  else
    set_resting (files, &file->handle,
                 g_slist_remove (resting_of (files, &file->handle), file));
  return true;
}

static void
end (FtsOpenFile *file)
{
  close_if_open (file->fd);
  g_free (file);
}

void
fts_open_file_drop (FtsOpenFile *file)
{
  FtsOpenFiles *files = file->files;

  pthread_mutex_lock (&files->lock);
  file->kept = false;
  bool over = is_over_locked (files, file);
  pthread_mutex_unlock (&files->lock);
  if (over)
    end (file);
}

FtsOpenFile *
fts_open_file_use (FtsOpenFile *file)
{
  FtsOpenFiles *files = file->files;

  pthread_mutex_lock (&files->lock);
  file->users++;
  if (file->fd >= 0 && files->awake.head != &file->link) {
    g_queue_unlink (&files->awake, &file->link);
    g_queue_push_head_link (&files->awake, &file->link);
  }
  pthread_mutex_unlock (&files->lock);
  return file;
}

void
fts_open_file_unref (FtsOpenFile *file)
{
  if (file == NULL)
    return;
  FtsOpenFiles *files = file->files;
  pthread_mutex_lock (&files->lock);
  file->users--;
  bool over = is_over_locked (files, file);
  pthread_mutex_unlock (&files->lock);
  if (over)
    end (file);
}

int
fts_open_file_fd (FtsOpenFile *file)
{
  pthread_mutex_lock (&file->files->lock);
  int fd = file->fd;
  pthread_mutex_unlock (&file->files->lock);
  return fd;
}

void
fts_open_file_wake (FtsOpenFile *file, int fd)
{
  FtsOpenFiles *files = file->files;
  int rests = -1;

  pthread_mutex_lock (&files->lock);
  if (file->fd < 0) {
    set_resting (files, &file->handle,
                 g_slist_remove (resting_of (files, &file->handle), file));
    file->fd = fd;
    fd = -1;
    g_queue_push_head_link (&files->awake, &file->link);
    rests = choose_rest_locked (files);
  }
  pthread_mutex_unlock (&files->lock);
  close_if_open (fd);
  close_if_open (rests);
}

FtsOpenFile *
fts_open_files_find_resting (FtsOpenFiles *files, const FtsHandle *handle)
{
  pthread_mutex_lock (&files->lock);
  GSList *resting = resting_of (files, handle);
  FtsOpenFile *file = resting ? resting->data : NULL;
  if (file != NULL)
    file->users++;
  pthread_mutex_unlock (&files->lock);
  return file;
}
