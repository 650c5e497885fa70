/* path/inline.c - drives a part in its caller's thread, over transports that answer from memory.
 *
 * The usual case is one path that is up and a good result: no lock, no allocation, no clock.
 */
#include "path/part.h"

#include "base/sense.h"

/* Longest sleep without a path: another caller, or the administrator, may bring one back. */
#define NAP_US (20 * 1000)

static void
ignore_done (LunIo *io)
{
}

static void
sleep_until (int64_t until_us)
{
  int64_t now_us = g_get_monotonic_time ();

  if (until_us > now_us)
    g_usleep ((gulong) (until_us - now_us));
}

static void
nap (int64_t until_us)
{
  sleep_until (MIN (until_us, g_get_monotonic_time () + NAP_US));
}

static LunPartNext
submit (LunPart *part)
{
  LunPath *path = part->path;

  if (part->not_before_us > 0)
    sleep_until (part->not_before_us);
  lun_transport_submit (path->transport, &part->io);
  LunPartNext next = lun_part_advance (part);
  lun_path_unpin (path);
  return next;
}

void
lun_part_run (LunPart *part)
{
  int64_t look_again_us;

  part->io.done = ignore_done;
  for (;;) {
    switch (lun_part_choose_path (part, &look_again_us)) {
    case LUN_CHOICE_FOUND:
      if (submit (part) == LUN_PART_ENDED)
        return;
      continue;
    case LUN_CHOICE_WAIT:
      nap (look_again_us);
      continue;
    case LUN_CHOICE_NONE:
      return;
    }
  }
}
