/* A directory's pages: which are fetched beforehand, and when those may be handed out. */
#include "prog/ftsfs/pages.h"

#include "lib/suite.h"

#include <errno.h>
#include <pthread.h>

#define N_PAGES 10 /* of the peer's directory; page N begins at cookie N */

/* The peer. */
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t reader; /* the test's thread */
  bool is_held;     /* answers to other threads than the reader's are held back */
  bool fails;       /* they fail instead */
  unsigned n_fetched, n_begun, n_freed;
  size_t len[32];    /* asked for, by order */
  uint64_t outdated; /* pages up to that number of order are not current any more */
  FtsMeanwhile *meanwhile;
  FtsPages *pages;
} Rig;

static const FtsCaller anna = { .uid = 1, .gid = 1 };

static bool
fetch (void *user_data, const FtsCaller *caller, size_t max, FtsPage *page,
       GError **error)
{
  Rig *rig = user_data;

  ck_assert_uint_eq (caller->uid, anna.uid);
  pthread_mutex_lock (&rig->lock);
  rig->len[rig->n_begun % G_N_ELEMENTS (rig->len)] = max;
  page->clock = ++rig->n_begun;
  pthread_cond_broadcast (&rig->changed);
  bool is_beforehand = !pthread_equal (pthread_self (), rig->reader);
  while (is_beforehand && rig->is_held)
    pthread_cond_wait (&rig->changed, &rig->lock);
  bool well = !(is_beforehand && rig->fails) && page->start < N_PAGES;
  rig->n_fetched++;
  pthread_cond_broadcast (&rig->changed);
  pthread_mutex_unlock (&rig->lock);
  if (!well) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_IO, "no page");
    return false;
  }
  page->entries = g_byte_array_new ();
  g_byte_array_append (page->entries, (const uint8_t *) &page->start, 1);
  page->next = page->start + 1;
  page->eof = page->next == N_PAGES;
  return true;
}

static bool
is_current (void *user_data, const FtsPage *page)
{
  return page->clock > ((Rig *) user_data)->outdated;
}

static void
free_data (void *user_data)
{
  ((Rig *) user_data)->n_freed++;
}

static void
start (Rig *rig)
{
  *rig = (Rig){ .reader = pthread_self (), .meanwhile = fts_meanwhile_new () };
  pthread_mutex_init (&rig->lock, NULL);
  pthread_cond_init (&rig->changed, NULL);
  rig->pages = fts_pages_new (&(FtsPagesSource){ fetch, is_current, free_data, rig },
                              rig->meanwhile);
}

static void
hold (Rig *rig, bool is_held)
{
  pthread_mutex_lock (&rig->lock);
  rig->is_held = is_held;
  pthread_cond_broadcast (&rig->changed);
  pthread_mutex_unlock (&rig->lock);
}

static void
await (Rig *rig, const unsigned *number, unsigned wanted)
{
  pthread_mutex_lock (&rig->lock);
  while (*number < wanted)
    pthread_cond_wait (&rig->changed, &rig->lock);
  pthread_mutex_unlock (&rig->lock);
}

/* N were fetched, and the thread has nothing to do. */
static void
await_fetched (Rig *rig, unsigned n)
{
  await (rig, &rig->n_fetched, n);
  while (!fts_meanwhile_reserve (rig->meanwhile))
    g_usleep (100);
  fts_meanwhile_run (rig->meanwhile, NULL, NULL, NULL);
}

static void
end (Rig *rig)
{
  hold (rig, false);
  fts_pages_free (rig->pages);
  fts_meanwhile_free (rig->meanwhile);
  ck_assert_uint_eq (rig->n_freed, 1);
}

/* Page NUMBER comes; its order among all that were fetched. */
static uint64_t
get (Rig *rig, uint64_t number)
{
  g_autoptr (GError) error = NULL;
  FtsPage page;

  ck_assert_int_eq (
    fts_pages_get (rig->pages, number, &anna, FTS_PAGES_WAIT, &page, &error),
    FTS_PAGES_DONE);
  ck_assert_uint_eq (page.start, number);
  ck_assert_uint_eq (page.entries->data[0], number);
  ck_assert_int_eq (page.eof, number == N_PAGES - 1);
  fts_page_clear (&page);
  return page.clock;
}

START_TEST (test_next_page_is_there_before_it_is_asked_for)
{
  Rig rig;

  start (&rig);
  for (uint64_t i = 0; i < N_PAGES; i++) {
    ck_assert_uint_eq (get (&rig, i), i + 1);
    await_fetched (&rig, MIN (i + 2, N_PAGES));
  }
  ck_assert_uint_eq (rig.n_fetched, N_PAGES); /* each once, none after the last */
  end (&rig);
}
END_TEST

START_TEST (test_pages_grow)
{
  Rig rig;

  start (&rig);
  for (uint64_t i = 0; i < N_PAGES; i++)
    get (&rig, i);
  ck_assert_uint_eq (rig.len[0], FTS_PAGES_FIRST_LEN);
  ck_assert_uint_eq (rig.len[1], FTS_PAGES_GROWTH * FTS_PAGES_FIRST_LEN);
  ck_assert_uint_eq (rig.len[2], FTS_PAGES_LEN);
  ck_assert_uint_eq (rig.len[N_PAGES - 1], FTS_PAGES_LEN);
  end (&rig);
}
END_TEST

START_TEST (test_what_is_on_its_way_comes_later)
{
  FtsPage page;
  Rig rig;

  start (&rig);
  hold (&rig, true);
  get (&rig, 0);
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq (
      fts_pages_get (rig.pages, 1, &anna, FTS_PAGES_AT_ONCE, &page, NULL),
      FTS_PAGES_LATER);
  await (&rig, &rig.n_begun, 2);
  hold (&rig, false);
  ck_assert_uint_eq (get (&rig, 1), 2);
  end (&rig);
}
END_TEST

START_TEST (test_nobody_waits_for_it_for_long)
{
  Rig rig;

  start (&rig);
  hold (&rig, true);
  get (&rig, 0);
  await (&rig, &rig.n_begun, 2);
  ck_assert_uint_eq (get (&rig, 1), 3);
  ck_assert_uint_eq (get (&rig, 2), 4); /* the thread is busy still */
  hold (&rig, false);
  await_fetched (&rig, 4);
  ck_assert_uint_gt (get (&rig, 3), 4); /* and what it brought is not for this place */
  end (&rig);
}
END_TEST

START_TEST (test_another_place_is_fetched)
{
  Rig rig;

  start (&rig);
  get (&rig, 0);
  await_fetched (&rig, 2);
  ck_assert_uint_eq (get (&rig, 5), 3);
  await_fetched (&rig, 4);
  ck_assert_uint_eq (get (&rig, 6), 4);
  end (&rig);
}
END_TEST

START_TEST (test_listing_that_begins_anew_is_new)
{
  Rig rig;

  start (&rig);
  get (&rig, 0);
  await_fetched (&rig, 2);
  ck_assert_uint_eq (get (&rig, 0), 3);
  await_fetched (&rig, 4);
  ck_assert_uint_eq (get (&rig, 1), 4);
  await_fetched (&rig, 5);
  hold (&rig, true); /* also while the thread is busy for the listing before */
  uint64_t last = get (&rig, 0);
  await (&rig, &rig.n_begun, (unsigned) last + 1);
  last = get (&rig, 0);
  hold (&rig, false);
  ck_assert_uint_gt (get (&rig, 1), last);
  end (&rig);
}
END_TEST

START_TEST (test_page_that_is_not_current_is_fetched_again)
{
  Rig rig;

  start (&rig);
  get (&rig, 0);
  await_fetched (&rig, 2);
  rig.outdated = 2;
  ck_assert_uint_eq (get (&rig, 1), 3);
  ck_assert_uint_eq (get (&rig, 2), 4);
  ck_assert_uint_eq (rig.n_begun, 4); /* nothing beforehand */
  end (&rig);
}
END_TEST

START_TEST (test_slow_readers_pages_are_fresh)
{
  Rig rig;

  start (&rig);
  get (&rig, 0);
  await_fetched (&rig, 2);
  g_usleep ((FTS_PAGES_FRESH_MS + 50) * 1000);
  ck_assert_uint_eq (get (&rig, 1), 3);
  ck_assert_uint_eq (get (&rig, 2), 4);
  ck_assert_uint_eq (rig.n_begun, 4); /* nothing beforehand */
  ck_assert_uint_eq (get (&rig, 0), 5);
  await_fetched (&rig, 6);
  end (&rig);
}
END_TEST

START_TEST (test_failure_beforehand_is_not_the_readers)
{
  g_autoptr (GError) error = NULL;
  FtsPage page;
  Rig rig;

  start (&rig);
  rig.fails = true;
  get (&rig, 0);
  await_fetched (&rig, 2);
  ck_assert_uint_eq (get (&rig, 1), 3);
  ck_assert_int_eq (
    fts_pages_get (rig.pages, N_PAGES, &anna, FTS_PAGES_WAIT, &page, &error),
    FTS_PAGES_FAILED);
  ck_assert_ptr_nonnull (error);
  ck_assert_ptr_null (page.entries);
  end (&rig);
}
END_TEST

START_TEST (test_directory_is_closed_while_a_page_is_on_its_way)
{
  Rig rig;

  start (&rig);
  hold (&rig, true);
  get (&rig, 0);
  await (&rig, &rig.n_begun, 2);
  fts_pages_free (rig.pages);
  ck_assert_uint_eq (rig.n_freed, 0);
  hold (&rig, false);
  fts_meanwhile_free (rig.meanwhile);
  ck_assert_uint_eq (rig.n_freed, 1);
}
END_TEST

FTS_SUITE ("ftsfs/pages", test_next_page_is_there_before_it_is_asked_for,
           test_pages_grow, test_what_is_on_its_way_comes_later,
           test_nobody_waits_for_it_for_long, test_another_place_is_fetched,
           test_listing_that_begins_anew_is_new,
           test_page_that_is_not_current_is_fetched_again,
           test_slow_readers_pages_are_fresh,
           test_failure_beforehand_is_not_the_readers,
           test_directory_is_closed_while_a_page_is_on_its_way)
