/* transport/opname.h - short words for commands, used by rules, traces and statistics. */
#pragma once

#include <lunpath/io.h>

#define LUN_N_OPS (LUN_OP_CDB + 1)

static inline const char *
lun_op_name (LunOp op)
{
  switch (op) {
  case LUN_OP_READ:
    return "read";
  case LUN_OP_WRITE:
    return "write";
  case LUN_OP_FLUSH:
    return "flush";
  case LUN_OP_COMPARE_AND_WRITE:
    return "caw";
  case LUN_OP_CDB:
    return "cdb";
  }
  return "?";
}
