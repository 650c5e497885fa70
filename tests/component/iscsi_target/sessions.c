/* sessions.c - what a session owns, and what ends with it or with a task. */
#include "component/iscsi_target/rig.h"

#define TUR      "000000000000"
#define RESERVE  "160000000000"
#define WRITE_5  "2a0000000005000001000000"
#define CONFLICT 0x18
#define CHECK    0x02

static const uint8_t block[512] = { 7 };

START_TEST (test_a_write_is_asked_for_its_data)
{
  g_auto (Rig) rig = rig_new ();
  int fd = rig_login (&rig, "a", 1);

  g_auto (TargetPdu) r2t = rig_begin_write (fd, 0, WRITE_5);
  ck_assert_uint_eq (target_pdu_u32 (&r2t, TARGET_AT_LENGTH), 512);
  rig_send_data (fd, &r2t, 0, block, 512);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_SCSI_RESPONSE);
  ck_assert_uint_eq (answer.bhs[3], 0);
  ck_assert_uint_eq (rig_first_byte (fd, 1, 5), 7);
  close (fd);
}
END_TEST

START_TEST (test_an_aborted_write_never_happens)
{
  g_auto (Rig) rig = rig_new ();
  int fd = rig_login (&rig, "a", 1);

  g_auto (TargetPdu) r2t = rig_begin_write (fd, 0, WRITE_5);
  ck_assert_uint_eq (rig_task (fd, 1, 1, 0x1000), 0);
  rig_send_data (fd, &r2t, 0, block, 512); /* was under way already */
  ck_assert_uint_eq (rig_first_byte (fd, 1, 5), 0);
  ck_assert_uint_eq (rig_task (fd, 2, 1, 0x1000), 1); /* no such task any more */
  close (fd);
}
END_TEST

START_TEST (test_a_reset_by_another_session_ends_waiting_writes)
{
  g_auto (Rig) rig = rig_new ();
  int a = rig_login (&rig, "a", 1), b = rig_login (&rig, "b", 1);

  g_auto (TargetPdu) r2t = rig_begin_write (a, 0, WRITE_5);
  ck_assert_uint_eq (rig_task (b, 0, 5, TARGET_TAG_NONE), 0);
  rig_send_data (a, &r2t, 0, block, 512);
  ck_assert_uint_eq (rig_command (a, 1, TUR), CHECK); /* 29h/03h */
  ck_assert_uint_eq (rig_first_byte (a, 2, 5), 0);
  close (a);
  close (b);
}
END_TEST

START_TEST (test_a_hole_in_the_data_fails_the_write)
{
  g_auto (Rig) rig = rig_new ();
  int fd = rig_login (&rig, "a", 1);

  g_auto (TargetPdu) r2t = rig_begin_write (fd, 0, WRITE_5);
  rig_send_data (fd, &r2t, 1, block, 512);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_SCSI_RESPONSE);
  ck_assert_uint_eq (answer.bhs[3], CHECK);
  ck_assert_uint_eq (rig_first_byte (fd, 1, 5), 0);
  close (fd);
}
END_TEST

START_TEST (test_commands_outside_the_window_are_not_seen)
{
  g_auto (Rig) rig = rig_new ();
  int fd = rig_login (&rig, "a", 1);

  rig_send (fd, rig_command_pdu (1000, RIG_FINAL, TUR, 0), NULL, 0);
  rig_send (fd, rig_command_pdu (UINT32_MAX, RIG_FINAL, TUR, 0), NULL, 0);
  rig_send (fd, rig_command_pdu (0, RIG_FINAL, TUR, 0), NULL, 0);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_SCSI_RESPONSE);
  ck_assert_uint_eq (target_pdu_u32 (&answer, TARGET_AT_TASK_TAG), 0x1000);
  ck_assert_uint_eq (target_pdu_u32 (&answer, TARGET_AT_EXP_STAT_SN), 1);
  close (fd);
}
END_TEST

START_TEST (test_the_same_port_logs_in_again_and_the_older_session_ends)
{
  g_auto (Rig) rig = rig_new ();
  int older = rig_login (&rig, "a", 1);
  int other = rig_login (&rig, "a", 2);
  int newer = rig_login (&rig, "a", 1);

  rig_wait_end (older);
  ck_assert_uint_eq (rig_command (newer, 0, TUR), 0);
  ck_assert_uint_eq (rig_command (other, 0, TUR), 0);
  close (other);
  close (newer);
}
END_TEST

START_TEST (test_a_scsi_2_reservation_ends_with_its_session)
{
  g_auto (Rig) rig = rig_new ();
  int a = rig_login (&rig, "a", 1), b = rig_login (&rig, "b", 1);

  ck_assert_uint_eq (rig_command (a, 0, RESERVE), 0);
  ck_assert_uint_eq (rig_command (b, 0, TUR), CONFLICT);
  rig_send (a, rig_pdu (0x40 | TARGET_LOGOUT_REQUEST, RIG_FINAL, 3), NULL, 0);
  g_auto (TargetPdu) answer = rig_receive (a, TARGET_LOGOUT_RESPONSE);
  ck_assert_uint_eq (rig_command (b, 1, TUR), 0);
  rig_wait_end (a);
  close (b);
}
END_TEST

START_TEST (test_a_registration_outlives_its_session)
{
  g_auto (Rig) rig = rig_new ();
  uint8_t keys[24] = { [15] = 0x2a };

  for (int i = 0; i < 2; i++) {
    int fd = rig_login (&rig, "a", 1);
    rig_send (fd,
              rig_command_pdu (0, RIG_FINAL | RIG_WRITE,
                               i == 0 ? "5f060000000000001800" : "5f010300000000001800",
                               24),
              keys, 24);
    g_auto (TargetPdu) answer = rig_receive (fd, TARGET_SCSI_RESPONSE);
    ck_assert_uint_eq (answer.bhs[3], 0);
    close (fd);
    memset (keys, 0, sizeof keys);
    keys[7] = 0x2a; /* RESERVE by the key that was registered */
  }
}
END_TEST

FTS_SUITE ("iscsi_target/sessions", test_a_write_is_asked_for_its_data,
           test_an_aborted_write_never_happens,
           test_a_reset_by_another_session_ends_waiting_writes,
           test_a_hole_in_the_data_fails_the_write,
           test_commands_outside_the_window_are_not_seen,
           test_the_same_port_logs_in_again_and_the_older_session_ends,
           test_a_scsi_2_reservation_ends_with_its_session,
           test_a_registration_outlives_its_session)
