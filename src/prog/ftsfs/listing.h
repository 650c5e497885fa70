/* listing.h - one answer to readdir in the making: entries, and the nodes that the kernel is told of
 * with them.
 *
 * Invariants
 *  1. Each node that the kernel is told of is counted (inodes.h) as its entry is added; an answer that
 *     does not arrive gives them back (fts_listing_take_back).
 *  2. Attributes are told only while nothing of this mount touched the entry or the directory's
 *     names since its page was asked for, and no change was told of; later the names alone are.
 *
 * "." and ".." are made here and stand in front; their offsets are values no file system gives:
 * offset 0 -> ".", DOT_DONE -> "..", DOTS_DONE -> the peer's cookie 0.
 *
 * Threads: one at a time.
 */
#pragma once

#include "prog/ftsfs/fs.h"
#include "prog/ftsfs/pages.h"

typedef struct {
  FtsFs *fs;
  FtsInode *dir; /* a reference of its owner's */
  off_t off;     /* what is asked for: entries behind it, */
  size_t size;   /* of so many bytes at most, */
  bool plus;     /* with attributes */

  char *buf;
  size_t used;
  uint64_t last; /* the peer's cookie it goes on behind; 0 = the begin */
  bool learns;   /* files that are new here are told of */
  int64_t begun_us;
  GArray *told; /* numbers of nodes */
} FtsListing;

FtsListing *fts_listing_new (FtsFs *fs, FtsInode *dir, off_t off, size_t size,
                             bool plus);
void fts_listing_free (FtsListing *listing); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsListing, fts_listing_free)

/* The kernel did not get it. */
void fts_listing_take_back (FtsListing *listing);

/* "." and ".." where the answer begins with them.  False when it is full. */
bool fts_listing_add_dots (FtsListing *listing);
/* ENTRY of PAGE, which follows.  False when it does not fit. */
bool fts_listing_add (FtsListing *listing, const FtsPage *page, const FtsDirent *entry);
