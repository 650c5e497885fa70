/* marks.h - which files have a watch of the kernel's (inotify.h), and what each watch covers.
 *
 * A mark is one watch, by the kernel's number.  It covers a file, under the handle of each export
 * that knows it, and for a directory the names in it that somebody keeps.  There are at most so
 * many marks and names: the marks that were not needed for longest are to be given up, and all
 * that they covered counts as changed.
 *
 * Pure: no call to the kernel.  Threads: the caller's lock.
 */
#pragma once

#include "fts/wire.h"

typedef struct FtsMarks FtsMarks;

/* HANDLE (or NAME in the directory HANDLE) is covered. */
typedef void (*FtsMarksFunc) (const FtsHandle *handle, const char *name,
                              void *user_data);

FtsMarks *fts_marks_new (unsigned most, unsigned most_names);
void fts_marks_free (FtsMarks *marks); /* NULL is fine */

/* WATCH covers the file HANDLE, which is needed now.  True when it did not before. */
bool fts_marks_cover (FtsMarks *marks, int watch, const FtsHandle *handle);
/* And NAME in it.  False: there is no such mark, or there are too many names. */
bool fts_marks_cover_name (FtsMarks *marks, int watch, const char *name, size_t len);

/* A watch to give up because there are too many; -1: none. */
int fts_marks_surplus (const FtsMarks *marks);
/* The one that was not needed for longest; -1: none. */
int fts_marks_oldest (const FtsMarks *marks);

/* FUNC for each handle that WATCH covers, with NAME as given. */
void fts_marks_tell (const FtsMarks *marks, int watch, const char *name,
                     FtsMarksFunc func, void *user_data);
/* WATCH is no more: FUNC for all that it covered. */
void fts_marks_drop (FtsMarks *marks, int watch, FtsMarksFunc func, void *user_data);

/* Nobody keeps NAME in it, or any name in any directory, any more. */
void fts_marks_forget_name (FtsMarks *marks, int watch, const char *name);
void fts_marks_forget_names (FtsMarks *marks);

unsigned fts_marks_count (const FtsMarks *marks);
