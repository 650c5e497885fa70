/* base/iov.h - bytes to and from scattered buffers.  Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

size_t lun_iov_len (const struct iovec *iov, int n_iov);

/* Both copy at most LEN bytes and return how many found room (or were there). */
size_t lun_iov_scatter (const struct iovec *iov, int n_iov, const void *from,
                        size_t len);
size_t lun_iov_gather (const struct iovec *iov, int n_iov, void *to, size_t len);

/* OUT (room for n_iov) gets the LEN bytes of IOV that start at OFFSET; returns their number of
 * pieces.  Empty pieces are left out. */
int lun_iov_slice (const struct iovec *iov, int n_iov, size_t offset, size_t len,
                   struct iovec *out);
