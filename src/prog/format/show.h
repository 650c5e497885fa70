/* show.h - the layout of a new volume for people and for programs. */
#pragma once

#include "volume/format.h"

/* NAMES: a name for each device of the plan.  Each gives a text that the caller frees. */
char *fts_show_plan_text (const FtsFormatPlan *plan, const char *const *names,
                          bool lock_is_guess);
char *fts_show_plan_json (const FtsFormatPlan *plan, const char *const *names);
