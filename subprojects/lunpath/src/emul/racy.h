/* racy.h - copies to and from the image, which commands of other nexuses may change meanwhile.
 *
 * A disk lets commands in flight at the same time overlap, and a READ may be torn; whoever reads
 * checks what he got.  ThreadSanitizer is told so for exactly these copies.
 */
#pragma once

#include "base/iov.h"

#if defined(__SANITIZE_THREAD__)
/* exported by the sanitizer's run-time library, in no header of it */
__attribute__ ((visibility ("default"))) void
AnnotateIgnoreReadsBegin (const char *file, int line);
__attribute__ ((visibility ("default"))) void AnnotateIgnoreReadsEnd (const char *file,
                                                                      int line);
__attribute__ ((visibility ("default"))) void
AnnotateIgnoreWritesBegin (const char *file, int line);
__attribute__ ((visibility ("default"))) void AnnotateIgnoreWritesEnd (const char *file,
                                                                       int line);

static inline void
lun_racy_begin (void)
{
  AnnotateIgnoreReadsBegin (__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin (__FILE__, __LINE__);
}

static inline void
lun_racy_end (void)
{
  AnnotateIgnoreWritesEnd (__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd (__FILE__, __LINE__);
}
#else
static inline void
lun_racy_begin (void)
{
}

static inline void
lun_racy_end (void)
{
}
#endif

/* IMAGE to IOV. */
static inline size_t
lun_racy_scatter (const struct iovec *iov, int n_iov, const void *image, size_t len)
{
  lun_racy_begin ();
  size_t moved = lun_iov_scatter (iov, n_iov, image, len);
  lun_racy_end ();
  return moved;
}

/* IOV to IMAGE. */
static inline size_t
lun_racy_gather (const struct iovec *iov, int n_iov, void *image, size_t len)
{
  lun_racy_begin ();
  size_t moved = lun_iov_gather (iov, n_iov, image, len);
  lun_racy_end ();
  return moved;
}
