/* path/verdict.h - sorting of results: what a command's end means for the command and its path.
 *
 * One pure function; total over outcomes and sense data.  Source: SPC-4 4.5.6 (sense keys) and
 * annex D (additional sense codes), SAM-5 5.3 (status).
 */
#pragma once

#include <lunpath/error.h>
#include <lunpath/io.h>

typedef enum {
  LUN_VERDICT_DONE,
  LUN_VERDICT_AGAIN, /* now, the same path will do: unit attention, aborted command */
  LUN_VERDICT_LATER, /* after a pause: busy, becoming ready */
  LUN_VERDICT_ELSEWHERE, /* this path failed: take another one */
  LUN_VERDICT_CONFLICT,  /* reservation conflict: final, and never the path's fault */
  LUN_VERDICT_MISMATCH,  /* COMPARE AND WRITE found something else: final */
  LUN_VERDICT_GIVE_UP,   /* final: repeating will not help */
} LunVerdict;

typedef struct {
  LunVerdict verdict;
  LunError code;       /* what to tell the caller when this result is the last one */
  bool maybe_executed; /* not DONE, yet the LUN may have done it or may still do it */
} LunJudgement;

LunJudgement lun_judge (const LunResult *result);
