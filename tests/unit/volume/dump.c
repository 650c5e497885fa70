/* The field tables of dump agree with disk.h, and hex dumps of the usual tools are read. */
#include "volume/dump.h"
#include "lib/record_samples.h"

#include "lib/suite.h"

#include <string.h>

START_TEST (test_fields_cover_each_record_without_gaps)
{
  for (unsigned i = 0; i < fts_dump_n_structs; i++) {
    const FtsStruct *type = &fts_dump_structs[i];
    uint32_t next = 0;
    for (unsigned k = 0; k < type->n_fields; k++) {
      ck_assert_msg (type->fields[k].offset == next, "%s.%s at %u, expected %u",
                     type->name, type->fields[k].name, type->fields[k].offset, next);
      next += type->fields[k].size;
    }
    ck_assert_msg (next == type->len, "%s ends at %u of %u", type->name, next,
                   type->len);
  }
}
END_TEST

START_TEST (test_records_are_recognised_by_their_magic)
{
  uint8_t block[512];
  FtsHost host = sample_host ();
  FtsMcb mcb = sample_mcb ();

  fts_host_encode (&host, SAMPLE_TAG, block, sizeof block);
  ck_assert_str_eq (fts_dump_recognise (block, sizeof block)->name, "host");
  ck_assert_ptr_null (fts_dump_recognise (block, 511));
  mcb.is_master = false;
  fts_mcb_encode (&mcb, block, sizeof block);
  ck_assert_str_eq (fts_dump_recognise (block, sizeof block)->name, "mcb");
  memset (block, 0, sizeof block);
  ck_assert_ptr_null (fts_dump_recognise (block, sizeof block));
}
END_TEST

static void
check_meaning (const FtsStruct *type, const uint8_t *block, const char *name,
               const char *expected)
{
  for (unsigned i = 0; i < type->n_fields; i++) {
    g_autofree char *meaning = NULL;
    if (strcmp (type->fields[i].name, name) != 0)
      continue;
    meaning = fts_dump_meaning (type, &type->fields[i], block);
    ck_assert_str_eq (meaning, expected);
    return;
  }
  ck_abort_msg ("no field %s", name);
}

START_TEST (test_fields_are_told_in_words)
{
  uint8_t block[512];
  FtsPid pid = sample_pid ();
  const FtsStruct *type = fts_dump_find ("pid");

  fts_pid_encode (&pid, SAMPLE_TAG, block, sizeof block);
  check_meaning (type, block, "magic", "\"FTSPROC1\"");
  check_meaning (type, block, "pro_process_id", "9");
  check_meaning (type, block, "pro_flag_process", "0x3 ALLOCATED PROCESSING");
  check_meaning (type, block, "pro_con_rc", "busy (3)");
  check_meaning (type, block, "pro_requestor", "\"alpha\"");
  check_meaning (type, block, "requestor_generation", "0x6162636465666768");
  check_meaning (type, block, "reserved", "zero");
}
END_TEST

START_TEST (test_damaged_records_are_told_too)
{
  uint8_t block[512];
  FtsPid pid = sample_pid ();
  const FtsStruct *type = fts_dump_find ("pid");

  fts_pid_encode (&pid, SAMPLE_TAG, block, sizeof block);
  block[24] = 99;
  block[20] = 0x83;
  block[500] = 1;
  memset (block + 48, 'x', 32);
  check_meaning (type, block, "pro_con_rc", "99 (unknown)");
  check_meaning (type, block, "pro_flag_process",
                 "0x83 ALLOCATED PROCESSING (unknown bits)");
  check_meaning (type, block, "reserved", "not zero");
  check_meaning (type, block, "pro_requestor",
                 "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" (no end)");
  g_autofree char *crc =
    fts_dump_meaning (type, &type->fields[type->n_fields - 1], block);
  ck_assert_ptr_nonnull (strstr (crc, "wrong"));
}
END_TEST

START_TEST (test_long_fields_are_cut_in_hex)
{
  uint8_t block[512] = { 0xab, 0xcd };
  const FtsStruct *type = fts_dump_find ("lock");
  g_autofree char *all = fts_dump_hex (&type->fields[0], block, 8);
  g_autofree char *cut = fts_dump_hex (&type->fields[0], block, 2);

  ck_assert_str_eq (all, "ab cd 00 00 00 00 00 00");
  ck_assert_str_eq (cut, "ab cd ...");
}
END_TEST

static void
check_hex (const char *text)
{
  static const uint8_t expected[] = { 0x4d, 0x41, 0x53, 0x5f, 0x45, 0x4d,
                                      0x43, 0x00, 0x01, 0x00, 0x00, 0x00,
                                      0x01, 0x00, 0x00, 0x00, 0xff, 0x02 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) bytes = fts_dump_parse_hex (text, &error);

  ck_assert_msg (bytes != NULL, "%s", error ? error->message : "");
  ck_assert_uint_eq (bytes->len, sizeof expected);
  ck_assert_mem_eq (bytes->data, expected, sizeof expected);
}

START_TEST (test_hex_dumps_of_the_usual_tools_are_read)
{
  check_hex ("4d41535f454d4300010000000100 0000ff02\n");
  check_hex ("4d 41 53 5f 45 4d 43 00 01 00 00 00 01 00 00 00\nff 02");
  check_hex ("00000000: 4d41 535f 454d 4300 0100 0000 0100 0000  MAS_EMC.........\n"
             "00000010: ff02                                     ..\n");
  check_hex (
    "00000000  4d 41 53 5f 45 4d 43 00  01 00 00 00 01 00 00 00  |MAS_EMC.........|\n"
    "00000010  ff 02                                             |..|\n"
    "00000012\n");
}
END_TEST

START_TEST (test_other_text_is_no_hex_dump)
{
  static const char *const wrong[] = { "hello", "4d4", "00000000  4d\n*\n00000010",
                                       "4d 4x" };

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    ck_assert_msg (fts_dump_parse_hex (wrong[i], &error) == NULL, "%s", wrong[i]);
    ck_assert_ptr_nonnull (strstr (error->message, "line"));
  }
}
END_TEST

FTS_SUITE ("volume/dump", test_fields_cover_each_record_without_gaps,
           test_records_are_recognised_by_their_magic, test_fields_are_told_in_words,
           test_damaged_records_are_told_too, test_long_fields_are_cut_in_hex,
           test_hex_dumps_of_the_usual_tools_are_read, test_other_text_is_no_hex_dump)
