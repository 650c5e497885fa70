/* wire_samples.h - a request and an answer of each operation with every field filled, and text
 * and handles of awkward lengths; for the tests of the file commands. */
#pragma once

#include "fts/wire.h"

#include <string.h>

static inline FtsHandle
sample_handle (uint16_t len)
{
  FtsHandle handle = { .len = len };
  memset (handle.bytes, 0xa0 + len % 16, len);
  return handle;
}

static inline FtsAttr
sample_attr (void)
{
  return (FtsAttr){
    .ino = 0x0102030405060708,
    .mode = 0100644,
    .nlink = 3,
    .uid = 1000,
    .gid = 100,
    .rdev = 0x0801,
    .size = 4097,
    .blocks = 16,
    .blksize = 4096,
    .flags = FTS_ATTR_PLAIN | FTS_ATTR_WATCHED,
    .atime = { 1700000000, 1 },
    .mtime = { -1, 999999999 },
    .ctime = { 1700000001, 2 },
    .btime = { 0, 0 },
  };
}

static inline FtsLock
sample_lock (void)
{
  return (FtsLock){ FTS_LOCK_WRITE, FTS_LOCK_POSIX, 5, INT64_MAX, 0x1234567890, 4242 };
}

static inline FtsRequest
sample_request (FtsOp op)
{
  FtsRequest request = {
    .op = op,
    .tag = 7,
    .flags = 0,
    .slot = 3,
    .sequence = 0x0203,
    .uid = 1000,
    .gid = 100,
    .umask = 022,
    .n_groups = 2,
    .groups = { 4, 24 },
    .n_closes = 1,
    .closes = { 0x55 },
    .handle = sample_handle (20),
    .handle2 = sample_handle (FTS_HANDLE_MAX),
    .name = { "a \xff name", 8 },
    .name2 = { "", 0 },
    .open_id = 0x1122334455667788,
    .open_id2 = 0x99aabbccddeeff00,
    .offset = 1u << 20,
    .offset2 = 3,
    .length = 4096,
    .cookie = UINT64_MAX,
    .mode = 0644,
    .mask = FTS_SET_SIZE,
    .open_flags = FTS_OPEN_READ | FTS_OPEN_WRITE,
    .rdev = 0x0103,
    .attr = sample_attr (),
    .lock = sample_lock (),
  };
  return request;
}

static inline FtsAnswer
sample_answer (FtsOp op)
{
  FtsAnswer answer = {
    .op = op,
    .tag = 7,
    .flags = FTS_ANSWER_EOF,
    .handle = sample_handle (1),
    .attr = sample_attr (),
    .attr2 = sample_attr (),
    .open_id = 42,
    .length = 512,
    .cookie = 3,
    .name = { "target/of/link", 14 },
    .lock = sample_lock (),
    .statfs = { 4096, 4096, 100, 50, 49, 10, 5, 4, 255 },
  };
  return answer;
}
