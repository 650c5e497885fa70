/* option_text.h - mount options as text: lists of them, and names that are nearly right.
 *
 * A comma cuts a list; "\," is a comma of a value and "\\" a backslash.  Pure; any thread.
 */
#pragma once

#include <glib.h>

#define FTS_OPTION_NAME_MOST 32u /* bytes of a name that is compared */

GPtrArray *fts_option_text_split (const char *list);
/* Appends OPTION to LIST, as split cuts it off again. */
void fts_option_text_join (GString *list, const char *option);

/* Edits (insert, delete, replace, swap neighbours) from A to B; both of FTS_OPTION_NAME_MOST bytes
 * at most. */
unsigned fts_option_text_edits (const char *a, size_t a_len, const char *b,
                                size_t b_len);
