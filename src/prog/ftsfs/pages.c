#include "prog/ftsfs/pages.h"

#include <pthread.h>

typedef enum {
  NONE,
  COMING,
  HERE
} State;

struct FtsPages {
  int refs; /* atomic: the owner's, and the job's */
  FtsPagesSource source;
  FtsMeanwhile *meanwhile;

  /* the caller's */
  size_t len;       /* of the page to ask for next */
  bool was_in_vain; /* a page that was fetched beforehand */

  pthread_mutex_t lock; /* all below */
  pthread_cond_t changed;
  State state;
  unsigned round; /* of the page that is COMING; another's is not wanted any more */
  FtsPage next;   /* COMING: where it begins; HERE: all of it */
};

typedef struct {
  FtsPages *pages;
  unsigned round;
  size_t len;
  FtsPage page;
  FtsWho who;
  bool well;
} Job;

void
fts_page_clear (FtsPage *page)
{
  g_clear_pointer (&page->entries, g_byte_array_unref);
}

FtsPages *
fts_pages_new (const FtsPagesSource *source, FtsMeanwhile *meanwhile)
{
  FtsPages *pages = g_new0 (FtsPages, 1);
  pthread_condattr_t attr;

  pages->refs = 1;
  pages->source = *source;
  pages->meanwhile = meanwhile;
  pages->len = FTS_PAGES_FIRST_LEN;
  pthread_mutex_init (&pages->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&pages->changed, &attr);
  pthread_condattr_destroy (&attr);
  return pages;
}

static void
unref (FtsPages *pages)
{
  if (!g_atomic_int_dec_and_test (&pages->refs))
    return;
  fts_page_clear (&pages->next);
  pages->source.free_data (pages->source.user_data);
  pthread_cond_destroy (&pages->changed);
  pthread_mutex_destroy (&pages->lock);
  g_free (pages);
}

static void
forget_locked (FtsPages *pages)
{
  fts_page_clear (&pages->next);
  pages->state = NONE;
  pages->round++;
}

void
fts_pages_free (FtsPages *pages)
{
  pthread_mutex_lock (&pages->lock);
  forget_locked (pages);
  pthread_mutex_unlock (&pages->lock);
  unref (pages);
}

/* ---- beforehand ---- */

static bool
fetch (FtsPages *pages, const FtsCaller *caller, size_t len, FtsPage *page,
       GError **error)
{
  page->asked_us = g_get_monotonic_time ();
  return pages->source.fetch (pages->source.user_data, caller, len, page, error);
}

static void
fetch_next (void *data)
{
  Job *job = data;

  job->well = fetch (job->pages, &job->who.caller, job->len, &job->page, NULL);
}

/* The reader may go on at once, and have the page after it fetched. */
static void
deliver_next (void *data)
{
  Job *job = data;
  FtsPages *pages = job->pages;

  pthread_mutex_lock (&pages->lock);
  if (job->round == pages->round) {
    pages->state = job->well ? HERE : NONE;
    if (job->well) {
      pages->next = job->page;
      job->page.entries = NULL;
    }
    pthread_cond_broadcast (&pages->changed);
  }
  pthread_mutex_unlock (&pages->lock);
  fts_page_clear (&job->page);
  unref (pages);
  g_free (job);
}

static void
begin_next (FtsPages *pages, uint64_t cookie, const FtsCaller *caller)
{
  if (pages->was_in_vain || !fts_meanwhile_reserve (pages->meanwhile))
    return;
  Job *job = g_new0 (Job, 1);
  job->pages = pages;
  job->len = pages->len;
  job->page.start = cookie;
  fts_who_set (&job->who, caller);
  g_atomic_int_inc (&pages->refs);
  pthread_mutex_lock (&pages->lock);
  job->round = ++pages->round;
  pages->state = COMING;
  pages->next.start = cookie;
  pthread_mutex_unlock (&pages->lock);
  fts_meanwhile_run (pages->meanwhile, fetch_next, deliver_next, job);
}

static void
await_locked (FtsPages *pages)
{
  int64_t until_us = g_get_monotonic_time () + FTS_PAGES_AWAIT_MS * INT64_C (1000);
  const struct timespec until = { until_us / G_USEC_PER_SEC,
                                  until_us % G_USEC_PER_SEC * 1000 };
  int failed = 0;

  while (failed == 0 && pages->state == COMING)
    failed = pthread_cond_timedwait (&pages->changed, &pages->lock, &until);
}

/* What was fetched beforehand, if it is the page from COOKIE; no entries when there is none. */
static FtsPagesResult
take_next (FtsPages *pages, uint64_t cookie, FtsPagesPatience patience, FtsPage *out)
{
  FtsPagesResult result = FTS_PAGES_DONE;

  pthread_mutex_lock (&pages->lock);
  bool is_it = pages->state != NONE && pages->next.start == cookie;
  if (is_it && pages->state == COMING && patience == FTS_PAGES_WAIT)
    await_locked (pages);
  if (is_it && pages->state == COMING && patience == FTS_PAGES_AT_ONCE) {
    result = FTS_PAGES_LATER;
  } else {
    if (is_it && pages->state == HERE) {
      *out = pages->next;
      pages->next.entries = NULL;
    }
    forget_locked (pages);
  }
  pthread_mutex_unlock (&pages->lock);
  return result;
}

/* ---- all of it ---- */

static void
begin_anew (FtsPages *pages)
{
  pages->len = FTS_PAGES_FIRST_LEN;
  pages->was_in_vain = false;
  pthread_mutex_lock (&pages->lock);
  forget_locked (pages);
  pthread_mutex_unlock (&pages->lock);
}

/* PAGE was fetched beforehand. */
static bool
is_good (const FtsPages *pages, const FtsPage *page)
{
  int64_t age_us = g_get_monotonic_time () - page->asked_us;

  return age_us <= FTS_PAGES_FRESH_MS * INT64_C (1000) &&
         pages->source.is_current (pages->source.user_data, page);
}

FtsPagesResult
fts_pages_get (FtsPages *pages, uint64_t cookie, const FtsCaller *caller,
               FtsPagesPatience patience, FtsPage *out, GError **error)
{
  *out = (FtsPage){ .start = cookie };
  if (cookie == 0)
    begin_anew (pages);
  else if (take_next (pages, cookie, patience, out) == FTS_PAGES_LATER)
    return FTS_PAGES_LATER;
  if (out->entries != NULL && !is_good (pages, out)) {
    pages->was_in_vain = true;
    fts_page_clear (out);
  }
  if (out->entries == NULL) {
    *out = (FtsPage){ .start = cookie };
    if (!fetch (pages, caller, pages->len, out, error)) {
      fts_page_clear (out);
      return FTS_PAGES_FAILED;
    }
  }
  pages->len = MIN (pages->len * FTS_PAGES_GROWTH, FTS_PAGES_LEN);
  if (!out->eof)
    begin_next (pages, out->next, caller);
  return FTS_PAGES_DONE;
}
