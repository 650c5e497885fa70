#include "fts/fdcache.h"

#include "lib/suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FtsHandle
handle_of (uint32_t number)
{
  FtsHandle handle = { .len = 24 };
  memcpy (handle.bytes, &number, sizeof number);
  return handle;
}

static int
open_null (void)
{
  return open ("/dev/null", O_PATH | O_CLOEXEC);
}

static bool
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

START_TEST (test_what_was_added_is_found_until_dropped)
{
  FtsFdCache *cache = fts_fdcache_new (64);
  FtsHandle handle = handle_of (1);

  ck_assert_ptr_null (fts_fdcache_find (cache, &handle));
  FtsPin *pin = fts_fdcache_add (cache, &handle, open_null (), S_IFREG);
  int fd = pin->fd;
  FtsPin *again = fts_fdcache_find (cache, &handle);
  ck_assert_ptr_eq (again, pin);
  fts_fdcache_unref (again);
  fts_fdcache_drop (cache, &handle);
  ck_assert_ptr_null (fts_fdcache_find (cache, &handle));
  ck_assert (is_open (fd)); /* still in use here */
  fts_fdcache_unref (pin);
  ck_assert (!is_open (fd));
  fts_fdcache_free (cache);
}
END_TEST

START_TEST (test_a_handle_added_twice_has_one_descriptor)
{
  FtsFdCache *cache = fts_fdcache_new (64);
  FtsHandle handle = handle_of (1);
  int first = open_null ();
  int second = open_null ();
  FtsPin *a = fts_fdcache_add (cache, &handle, first, S_IFREG);
  FtsPin *b = fts_fdcache_add (cache, &handle, second, S_IFREG);

  ck_assert_ptr_eq (a, b);
  ck_assert (!is_open (second));
  fts_fdcache_unref (a);
  fts_fdcache_unref (b);
  ck_assert (is_open (first));
  fts_fdcache_free (cache);
  ck_assert (!is_open (first));
}
END_TEST

START_TEST (test_the_bound_holds_and_what_is_used_stays)
{
  FtsFdCache *cache = fts_fdcache_new (80);
  FtsFdCacheStats stats;
  FtsHandle favourite = handle_of (0);

  fts_fdcache_unref (fts_fdcache_add (cache, &favourite, open_null (), S_IFREG));
  for (uint32_t i = 1; i < 1000; i++) {
    FtsHandle handle = handle_of (i);
    fts_fdcache_unref (fts_fdcache_add (cache, &handle, open_null (), S_IFREG));
    FtsPin *pin = fts_fdcache_find (cache, &favourite);
    ck_assert_ptr_nonnull (pin);
    fts_fdcache_unref (pin);
  }
  fts_fdcache_get_stats (cache, &stats);
  ck_assert_uint_le (stats.descriptors, 80);
  ck_assert_uint_ge (stats.pins, 40);
  fts_fdcache_free (cache);
}
END_TEST

START_TEST (test_a_directorys_descriptor_is_lent_to_one_at_a_time)
{
  FtsFdCache *cache = fts_fdcache_new (64);
  FtsHandle handle = handle_of (1);
  FtsPin *pin = fts_fdcache_add (cache, &handle, open_null (), S_IFDIR);
  FtsFdCacheStats stats;
  int fd = open_null ();
  int other = open_null ();

  ck_assert_int_eq (fts_fdcache_take_dir (pin), -1);
  fts_fdcache_give_dir (pin, fd);
  fts_fdcache_give_dir (pin, other); /* there is one already */
  ck_assert (!is_open (other));
  fts_fdcache_get_stats (cache, &stats);
  ck_assert_uint_eq (stats.descriptors, 2);
  ck_assert_int_eq (fts_fdcache_take_dir (pin), fd);
  ck_assert_int_eq (fts_fdcache_take_dir (pin), -1);
  fts_fdcache_get_stats (cache, &stats);
  ck_assert_uint_eq (stats.descriptors, 1);
  fts_fdcache_drop (cache, &handle);
  fts_fdcache_give_dir (pin, fd); /* nobody comes for it any more */
  ck_assert (!is_open (fd));
  fts_fdcache_unref (pin);
  fts_fdcache_free (cache);
}
END_TEST

START_TEST (test_the_sweep_closes_what_was_idle)
{
  FtsFdCache *cache = fts_fdcache_new (64);
  FtsFdCacheStats stats;

  for (uint32_t i = 0; i < 20; i++) {
    FtsHandle handle = handle_of (i);
    fts_fdcache_unref (fts_fdcache_add (cache, &handle, open_null (), S_IFREG));
  }
  fts_fdcache_sweep (cache, 60 * G_USEC_PER_SEC);
  fts_fdcache_get_stats (cache, &stats);
  ck_assert_uint_eq (stats.pins, 20);
  fts_fdcache_sweep (cache, 0);
  fts_fdcache_get_stats (cache, &stats);
  ck_assert_uint_eq (stats.pins, 0);
  fts_fdcache_free (cache);
}
END_TEST

static void *
use_cache (void *data)
{
  FtsFdCache *cache = data;

  for (uint32_t i = 0; i < 20000; i++) {
    FtsHandle handle = handle_of (i % 100);
    FtsPin *pin = fts_fdcache_find (cache, &handle);
    if (pin == NULL)
      pin = fts_fdcache_add (cache, &handle, open_null (), S_IFREG);
    ck_assert (is_open (pin->fd));
    if (i % 7 == 0)
      fts_fdcache_drop (cache, &handle);
    fts_fdcache_unref (pin);
  }
  return NULL;
}

START_TEST (test_many_threads_see_no_closed_descriptor)
{
  FtsFdCache *cache = fts_fdcache_new (32);
  pthread_t threads[4];

  for (int i = 0; i < 4; i++)
    pthread_create (&threads[i], NULL, use_cache, cache);
  for (int i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  fts_fdcache_free (cache);
}
END_TEST

FTS_SUITE ("fts/fdcache", test_what_was_added_is_found_until_dropped,
           test_a_handle_added_twice_has_one_descriptor,
           test_the_bound_holds_and_what_is_used_stays,
           test_a_directorys_descriptor_is_lent_to_one_at_a_time,
           test_the_sweep_closes_what_was_idle,
           test_many_threads_see_no_closed_descriptor)
