/* dump.h - structures of the format for people: offset, size, bytes and meaning of each field.
 *
 * Works on bytes alone, from a volume, a file or a hex dump, sound or not: what cannot be decoded
 * is shown all the same.  The fields come from one table a structure (dump_fields.c), which a
 * test compares with disk.h.  Pure; any thread.
 */
#pragma once

#include "volume/disk.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
  FTS_FIELD_TEXT,
  FTS_FIELD_BYTES,
  FTS_FIELD_UUID,
  FTS_FIELD_NUMBER, /* 2, 4 or 8 bytes */
  FTS_FIELD_HEX,    /* a number best read in hex: keys, tags, generations */
  FTS_FIELD_TIME,   /* microseconds since 1970 */
  FTS_FIELD_NAMED,  /* a number with names */
  FTS_FIELD_FLAGS,  /* a bit set with names */
  FTS_FIELD_CRC,
  FTS_FIELD_RESERVED,
} FtsFieldKind;

typedef struct {
  uint64_t value;
  const char *name;
} FtsFieldName;

typedef struct {
  const char *name; /* as in disk.h */
  uint32_t offset, size;
  FtsFieldKind kind;
  const FtsFieldName *names; /* ends with name = NULL; or NULL */
  const char *unit;          /* "ms", "blocks"; or NULL */
} FtsField;

typedef struct {
  const char *name;  /* as on the command line: "mcb" */
  const char *title; /* "Master Control Block" */
  const char *magic; /* first 8 bytes; NULL = none */
  const char *other_magic;
  uint32_t len;
  const FtsField *fields;
  unsigned n_fields;
  bool is_array; /* records of LEN bytes side by side in a block */
  uint32_t
    crc_offset; /* where the CRC of the bytes before it stands; 0 = other rules */
} FtsStruct;

extern const FtsStruct fts_dump_structs[];
extern const unsigned fts_dump_n_structs;

/* By name; NULL when there is none. */
const FtsStruct *fts_dump_find (const char *name);
/* By the magic the bytes begin with; NULL when it is none of ours. */
const FtsStruct *fts_dump_recognise (const uint8_t *bytes, size_t len);

/* One field in words.  BYTES are the whole record. */
char *fts_dump_meaning (const FtsStruct *type, const FtsField *field,
                        const uint8_t *bytes);
/* Its bytes as "4d 41 53", cut after MAX bytes with "...". */
char *fts_dump_hex (const FtsField *field, const uint8_t *bytes, unsigned max);

/* The bytes of a hex dump: plain, of xxd, or of hexdump -C ("*" lines are refused).  Errors:
 * FTS_ERROR_CONFIG with the line's number. */
GByteArray *fts_dump_parse_hex (const char *text, GError **error);
