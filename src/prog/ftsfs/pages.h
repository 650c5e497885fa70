/* pages.h - the listing of an open directory, page by page; the next one is fetched while one is
 * read.
 *
 * Why: the peer takes about as long for a page as the kernel and the program do with it.  One after
 * the other that would be twice the time.
 *
 * How: the first page of a listing is short, to be here soon; each one after it is longer, by
 * FTS_PAGES_GROWTH times, up to FTS_PAGES_LEN.  With each page handed out that is not the last,
 * the next is asked for on the thread of FtsMeanwhile, if that is free.
 *
 * Invariants
 *  1. A page that was fetched beforehand is as good as one fetched now: it is handed out within
 *     FTS_PAGES_FRESH_MS, and while `is_current` agrees.
 *  2. Nobody waits for it longer than FTS_PAGES_AWAIT_MS: by then the page is fetched by who needs
 *     it, in a way that a signal can end.
 *  3. One page at most is held here, and one is on its way.
 * Where one was fetched in vain, as the program reads slowly or changes what it lists, nothing is
 * fetched beforehand any more, until a listing begins anew.
 *
 * Errors: a page that could not be had beforehand is asked for again when it is needed.
 * Threads: one caller at a time, and FtsMeanwhile's.
 */
#pragma once

#include "prog/ftsfs/meanwhile.h"
#include "prog/ftsfs/who.h"

#define FTS_PAGES_FIRST_LEN 40960u
#define FTS_PAGES_LEN       204800u
#define FTS_PAGES_GROWTH    4u
#define FTS_PAGES_FRESH_MS  250
#define FTS_PAGES_AWAIT_MS  100

typedef struct {
  GByteArray *entries;  /* encoded (fts_wire_decode_dirent); NULL = no page */
  uint64_t start, next; /* cookies it begins at, and ends at */
  bool eof;             /* nothing after it */
  uint64_t clock;       /* before it was asked for (fs.h) */
  int64_t asked_us;     /* the same by the monotonic clock */
} FtsPage;

void fts_page_clear (FtsPage *page);

/* Where pages come from.  Called on any thread, by several at once. */
typedef struct {
  /* The page from PAGE->start of MAX bytes at most; PAGE is empty but for that. */
  bool (*fetch) (void *user_data, const FtsCaller *caller, size_t max, FtsPage *page,
                 GError **error);
  /* Is what PAGE says still so, as far as is known here? */
  bool (*is_current) (void *user_data, const FtsPage *page);
  void (*free_data) (void *user_data);
  void *user_data;
} FtsPagesSource;

typedef struct FtsPages FtsPages;

/* MEANWHILE outlives it. */
FtsPages *fts_pages_new (const FtsPagesSource *source, FtsMeanwhile *meanwhile);
/* At once; a page on its way goes when it is here. */
void fts_pages_free (FtsPages *pages);

typedef enum {
  FTS_PAGES_DONE,
  FTS_PAGES_LATER, /* it is on its way */
  FTS_PAGES_FAILED,
} FtsPagesResult;

typedef enum {
  FTS_PAGES_WAIT,
  FTS_PAGES_AT_ONCE, /* rather LATER than to wait for what is on its way */
} FtsPagesPatience;

/* The page from COOKIE (0 = a listing begins) for CALLER; OUT's entries are the caller's then. */
FtsPagesResult fts_pages_get (FtsPages *pages, uint64_t cookie, const FtsCaller *caller,
                              FtsPagesPatience patience, FtsPage *out, GError **error);
