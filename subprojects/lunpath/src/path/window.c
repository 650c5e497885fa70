#include "path/window.h"

#include "base/cdb.h"

static void
shrink (LunPath *path)
{
  uint32_t others = MAX (path->in_flight.length, 1);

  path->window = path->window > 0 ? MIN (path->window, others) : others;
  path->n_good = 0;
}

static void
grow (LunPath *path)
{
  uint32_t depth = path->transport->facts.queue_depth;

  if (++path->n_good < path->window * LUN_WINDOW_CALM)
    return;
  path->n_good = 0;
  if (++path->window >= depth)
    path->window = 0;
}

void
lun_window_heed (LunPath *path, const LunResult *result)
{
  if (result->outcome == LUN_OUTCOME_BUSY && result->status == LUN_SCSI_TASK_SET_FULL)
    shrink (path);
  else if (path->window > 0 && result->outcome == LUN_OUTCOME_GOOD)
    grow (path);
}
