/* hostile.c - initiators that send anything: the target serves the others as before. */
#include "component/iscsi_target/rig.h"

#define TUR    "000000000000"
#define ROUNDS 600

static uint64_t dice_state = 0x9e3779b97f4a7c15u;

static uint32_t
dice (uint32_t sides)
{
  dice_state ^= dice_state << 13;
  dice_state ^= dice_state >> 7;
  dice_state ^= dice_state << 17;
  return (uint32_t) (dice_state >> 32) % sides;
}

/* Says all, then nothing more; the target must end the connection. */
static void
say (Rig *rig, const uint8_t *bytes, size_t len)
{
  int fd = rig_connect (rig);

  for (size_t at = 0; at < len;) {
    ssize_t n = send (fd, bytes + at, len - at, MSG_NOSIGNAL);
    if (n <= 0)
      break;
    at += (size_t) n;
  }
  shutdown (fd, SHUT_WR);
  rig_wait_end (fd);
}

static void
assert_serves (Rig *rig)
{
  int fd = rig_login (rig, "honest", 1);

  while (rig_command (fd, 0, TUR) != 0) { /* attentions that resets left */
    close (fd);
    fd = rig_login (rig, "honest", 1);
  }
  close (fd);
}

static void
append (GByteArray *stream, TargetPdu pdu, const void *data, uint32_t len)
{
  static const uint8_t padding[3];

  lun_be24_put (pdu.bhs + 5, len);
  g_byte_array_append (stream, pdu.bhs, TARGET_BHS_LEN);
  if (len > 0)
    g_byte_array_append (stream, data, len);
  g_byte_array_append (stream, padding, -len & 3u);
}

/* A session with a PDU of each kind. */
static GByteArray *
make_session (void)
{
  GByteArray *stream = g_byte_array_new ();
  g_autoptr (GByteArray) text = g_byte_array_new ();
  uint8_t data[1024] = { 7 };

  TargetPdu login = rig_login_pdu ("stranger", 9, text);
  target_text_add (text, "HeaderDigest", "CRC32C,None");
  target_text_add (text, "FirstBurstLength", "65536");
  target_text_add (text, "InitialR2T", "No");
  append (stream, login, text->data, text->len);
  append (stream, rig_command_pdu (0, RIG_FINAL, TUR, 0), NULL, 0);
  append (stream,
          rig_command_pdu (1, RIG_FINAL | RIG_READ, "28000000000000000800", 4096), NULL,
          0);
  append (stream, rig_command_pdu (2, RIG_WRITE, "2a000000000700000200", 1024), data,
          512);
  TargetPdu out = rig_pdu (TARGET_DATA_OUT, RIG_FINAL, 0x1002);
  lun_be32_put (out.bhs + TARGET_AT_TRANSFER_TAG, TARGET_TAG_NONE);
  lun_be32_put (out.bhs + TARGET_AT_OFFSET, 512);
  append (stream, out, data, 512);
  append (stream, rig_task_pdu (3, 1, 0x1002), NULL, 0);
  append (stream, rig_command_pdu (3, RIG_FINAL | RIG_READ, "120000006000", 96), NULL,
          0);
  append (stream, rig_pdu (0x40 | TARGET_NOP_OUT, RIG_FINAL, 5), "ping", 4);
  append (stream, rig_pdu (0x40 | TARGET_TEXT_REQUEST, RIG_FINAL, 6), "SendTargets=All",
          16);
  append (stream, rig_pdu (0x40 | TARGET_LOGOUT_REQUEST, RIG_FINAL, 7), NULL, 0);
  return stream;
}

START_TEST (test_random_bytes_end_their_connection_alone)
{
  g_auto (Rig) rig = rig_new ();
  uint8_t bytes[4096];

  for (int i = 0; i < 200; i++) {
    for (size_t k = 0; k < sizeof bytes; k++)
      bytes[k] = (uint8_t) dice (256);
    if (i % 2) /* as a login, so that it is looked at */
      bytes[0] = 0x43, bytes[4] = 0, bytes[5] = 0;
    say (&rig, bytes, 1 + dice (sizeof bytes));
  }
  assert_serves (&rig);
}
END_TEST

START_TEST (test_the_session_is_good_before_it_is_damaged)
{
  g_auto (Rig) rig = rig_new ();
  g_autoptr (GByteArray) stream = make_session ();

  int fd = rig_connect (&rig);
  ck_assert_int_eq (send (fd, stream->data, stream->len, 0), stream->len);
  static const uint8_t answers[] = { TARGET_LOGIN_RESPONSE, TARGET_SCSI_RESPONSE,
                                     TARGET_DATA_IN,        TARGET_SCSI_RESPONSE,
                                     TARGET_TASK_RESPONSE,  TARGET_DATA_IN,
                                     TARGET_NOP_IN,         TARGET_TEXT_RESPONSE,
                                     TARGET_LOGOUT_RESPONSE };
  for (size_t i = 0; i < sizeof answers; i++) {
    g_auto (TargetPdu) answer = rig_receive (fd, answers[i]);
  }
  rig_wait_end (fd);
}
END_TEST

START_TEST (test_damaged_sessions_leave_the_others_alone)
{
  g_auto (Rig) rig = rig_new ();
  g_autoptr (GByteArray) stream = make_session ();
  g_autofree uint8_t *bytes = g_malloc (stream->len);
  static const uint8_t edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

  for (int i = 0; i < ROUNDS; i++) {
    memcpy (bytes, stream->data, stream->len);
    for (uint32_t n = 1 + dice (6); n > 0; n--)
      bytes[dice (stream->len)] =
        dice (2) ? (uint8_t) dice (256) : edges[dice (sizeof edges)];
    say (&rig, bytes, dice (4) ? stream->len : dice (stream->len));
  }
  assert_serves (&rig);
}
END_TEST

START_TEST (test_cut_sessions_leave_the_others_alone)
{
  g_auto (Rig) rig = rig_new ();
  g_autoptr (GByteArray) stream = make_session ();

  for (guint cut = 0; cut < stream->len; cut += 3)
    say (&rig, stream->data, cut);
  assert_serves (&rig);
}
END_TEST

START_TEST (test_an_endless_login_ends)
{
  g_auto (Rig) rig = rig_new ();
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  g_autofree char *text = g_strnfill (8000, 'x');
  TargetPdu more = rig_pdu (0x40 | TARGET_LOGIN_REQUEST, 0x40, 1);

  for (int i = 0; i < 100; i++)
    append (stream, more, text, 8000);
  say (&rig, stream->data, stream->len);
  assert_serves (&rig);
}
END_TEST

FTS_SUITE ("iscsi_target/hostile", test_the_session_is_good_before_it_is_damaged,
           test_random_bytes_end_their_connection_alone,
           test_damaged_sessions_leave_the_others_alone,
           test_cut_sessions_leave_the_others_alone, test_an_endless_login_ends)
