/* report.h - what commands print: for people, or JSON (one value a line) for programs.
 *
 * A name that is not UTF-8 appears in JSON with replacement characters, and beside it the member
 * "name_base64" has its bytes.
 */
#pragma once

#include "fts/wire.h"

#include <json-glib/json-glib.h>

/* "1.5 GiB"; free it. */
char *fts_report_size (uint64_t bytes);

/* `NAME` and, where needed, `NAME_base64`, as members of the object under way. */
void fts_report_add_name (JsonBuilder *builder, const char *member, const char *name);
/* type, mode, nlink, uid, gid, size, mtime, ino as members. */
void fts_report_add_attr (JsonBuilder *builder, const FtsAttr *attr);
/* Prints the finished value and a newline to stdout. */
void fts_report_print (JsonBuilder *builder);

/* One line as of `ls -l`; TERMINAL = control characters of the name become "?". */
char *fts_report_line (const char *name, const FtsAttr *attr, const char *link,
                       bool terminal);
