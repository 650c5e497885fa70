/* rig.h - a target on a LUN in shared memory, and a small initiator that may misbehave.
 *
 *   g_auto (Rig) rig = rig_new ();
 *   int fd = rig_login (&rig, "host-a", 1);
 */
#pragma once

#include "lib/iscsi_target/pdu.h"
#include "lib/iscsi_target/target.h"
#include "lib/suite.h"

#include <lunpath/emul.h>

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RIG_IQN    "iqn.2026-01.test:lun"
#define RIG_BLOCKS 2048

#define RIG_READ   0x40
#define RIG_WRITE  0x20
#define RIG_FINAL  0x80

typedef struct {
  char *dir;
  char *image;
  Target *target;
} Rig;

static inline void
rig_be_quiet (const char *text)
{
}

static inline Rig
rig_new (void)
{
  Rig rig = { .dir = g_strdup ("/dev/shm/fts-iscsi-XXXXXX") };

  g_set_printerr_handler (rig_be_quiet);
  ck_assert_ptr_nonnull (g_mkdtemp (rig.dir));
  rig.image = g_build_filename (rig.dir, "lun.img", NULL);
  ck_assert (lun_emul_create (rig.image, RIG_BLOCKS * 512, 512, NULL));
  rig.target = g_new0 (Target, 1);
  target_init (rig.target, rig.image, RIG_IQN);
  return rig;
}

static inline void
rig_clear (Rig *rig)
{
  g_autofree char *state = g_strconcat (rig->image, ".lun", NULL);

  target_clear (rig->target);
  g_free (rig->target);
  g_unlink (rig->image);
  g_unlink (state);
  g_rmdir (rig->dir);
  g_free (rig->image);
  g_free (rig->dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Rig, rig_clear)

/* A connection without login.  Nothing that is received on it takes more than 20 s. */
static inline int
rig_connect (Rig *rig)
{
  struct timeval limit = { .tv_sec = 20 };
  int pair[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  setsockopt (pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  target_serve (rig->target, pair[1]);
  return pair[0];
}

/* ---- PDUs ---- */

static inline TargetPdu
rig_pdu (uint8_t opcode, uint8_t flags, uint32_t tag)
{
  TargetPdu pdu = { 0 };

  pdu.bhs[0] = opcode;
  pdu.bhs[1] = flags;
  lun_be32_put (pdu.bhs + TARGET_AT_TASK_TAG, tag);
  return pdu;
}

/* From security straight to full feature phase. */
static inline TargetPdu
rig_login_pdu (const char *host, uint8_t isid, GByteArray *text)
{
  TargetPdu pdu = rig_pdu (0x40 | TARGET_LOGIN_REQUEST, 0x87, 1);
  g_autofree char *initiator = g_strdup_printf ("iqn.2026-01.test:%s", host);

  target_text_add (text, "InitiatorName", initiator);
  target_text_add (text, "TargetName", RIG_IQN);
  target_text_add (text, "SessionType", "Normal");
  target_text_add (text, "AuthMethod", "None");
  pdu.bhs[8] = 0x80;
  pdu.bhs[13] = isid;
  return pdu;
}

static inline TargetPdu
rig_command_pdu (uint32_t cmd_sn, uint8_t flags, const char *cdb, uint32_t expected)
{
  TargetPdu pdu = rig_pdu (TARGET_SCSI_COMMAND, flags, 0x1000 + cmd_sn);

  lun_be32_put (pdu.bhs + TARGET_AT_TRANSFER_TAG, expected);
  lun_be32_put (pdu.bhs + TARGET_AT_CMD_SN, cmd_sn);
  for (int i = 0; i < 16 && g_ascii_isxdigit (cdb[2 * i]); i++)
    pdu.bhs[32 + i] = (uint8_t) (g_ascii_xdigit_value (cdb[2 * i]) << 4 |
                                 g_ascii_xdigit_value (cdb[2 * i + 1]));
  return pdu;
}

static inline TargetPdu
rig_task_pdu (uint32_t cmd_sn, uint8_t function, uint32_t of_tag)
{
  TargetPdu pdu =
    rig_pdu (0x40 | TARGET_TASK_REQUEST, RIG_FINAL | function, 0x2000 + cmd_sn);

  lun_be32_put (pdu.bhs + TARGET_AT_TRANSFER_TAG, of_tag);
  lun_be32_put (pdu.bhs + TARGET_AT_CMD_SN, cmd_sn);
  return pdu;
}

static inline void
rig_send (int fd, TargetPdu pdu, const void *data, uint32_t len)
{
  ck_assert (target_pdu_send (fd, pdu.bhs, data, len));
}

/* The next PDU has OPCODE. */
static inline TargetPdu
rig_receive (int fd, uint8_t opcode)
{
  TargetPdu pdu = { 0 };

  ck_assert_msg (target_pdu_receive (fd, 1 << 24, &pdu), "no answer");
  ck_assert_uint_eq (target_pdu_opcode (&pdu), opcode);
  return pdu;
}

/* ---- what tests are written in ---- */

/* Command numbers begin with 0. */
static inline int
rig_login (Rig *rig, const char *host, uint8_t isid)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  TargetPdu login = rig_login_pdu (host, isid, text);
  int fd = rig_connect (rig);

  rig_send (fd, login, text->data, text->len);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_LOGIN_RESPONSE);
  ck_assert_uint_eq (lun_be16_get (answer.bhs + 36), 0);
  ck_assert_uint_eq (answer.bhs[1], 0x87);
  return fd;
}

/* The SCSI status of a command without data. */
static inline uint8_t
rig_command (int fd, uint32_t cmd_sn, const char *cdb)
{
  rig_send (fd, rig_command_pdu (cmd_sn, RIG_FINAL, cdb, 0), NULL, 0);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_SCSI_RESPONSE);
  return answer.bhs[3];
}

static inline uint8_t
rig_task (int fd, uint32_t cmd_sn, uint8_t function, uint32_t of_tag)
{
  rig_send (fd, rig_task_pdu (cmd_sn, function, of_tag), NULL, 0);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_TASK_RESPONSE);
  return answer.bhs[2];
}

/* One block; the answer is an R2T for all of it. */
static inline TargetPdu
rig_begin_write (int fd, uint32_t cmd_sn, const char *cdb)
{
  rig_send (fd, rig_command_pdu (cmd_sn, RIG_FINAL | RIG_WRITE, cdb, 512), NULL, 0);
  return rig_receive (fd, TARGET_R2T);
}

static inline void
rig_send_data (int fd, const TargetPdu *r2t, uint32_t data_sn, const void *data,
               uint32_t len)
{
  TargetPdu pdu =
    rig_pdu (TARGET_DATA_OUT, RIG_FINAL, target_pdu_u32 (r2t, TARGET_AT_TASK_TAG));

  memcpy (pdu.bhs + TARGET_AT_TRANSFER_TAG, r2t->bhs + TARGET_AT_TRANSFER_TAG, 4);
  lun_be32_put (pdu.bhs + TARGET_AT_DATA_SN, data_sn);
  rig_send (fd, pdu, data, len);
}

/* The first byte of block LBA (below 256). */
static inline uint8_t
rig_first_byte (int fd, uint32_t cmd_sn, uint8_t lba)
{
  g_autofree char *cdb = g_strdup_printf ("28000000%04x0000010000", lba);

  rig_send (fd, rig_command_pdu (cmd_sn, RIG_FINAL | RIG_READ, cdb, 512), NULL, 0);
  g_auto (TargetPdu) answer = rig_receive (fd, TARGET_DATA_IN);
  ck_assert_uint_eq (answer.data_len, 512);
  ck_assert_uint_eq (answer.bhs[1], 0x81); /* final, with status */
  return answer.data[0];
}

/* The target ends the connection, now or after what it still says. */
static inline void
rig_wait_end (int fd)
{
  uint8_t buf[65536];

  while (recv (fd, buf, sizeof buf, 0) > 0)
    ;
  close (fd);
}
