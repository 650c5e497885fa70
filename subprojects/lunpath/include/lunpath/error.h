/* lunpath/error.h - what a caller of a device can meet. */
#pragma once

#include <glib.h>

typedef enum {
  LUN_ERROR_IO,      /* medium error, illegal request: repeating will not help */
  LUN_ERROR_NO_PATH, /* no usable path was left until the deadline */
  LUN_ERROR_TIMEOUT, /* the deadline passed; the command may still have been executed */
  LUN_ERROR_BUSY,    /* the target stayed busy until the deadline */
  LUN_ERROR_RESERVED, /* RESERVATION CONFLICT: another host holds the LUN */
  LUN_ERROR_FENCED,   /* our registration was preempted: stop all I/O */
  LUN_ERROR_IDENTITY, /* a path leads to another LUN than the others or than asked for */
  LUN_ERROR_RANGE, /* beyond the LUN's last block, or length no multiple of the block */
  LUN_ERROR_CONFIG,      /* bad path name or option; the message says where */
  LUN_ERROR_UNSUPPORTED, /* the device has no such command */
} LunError;

#define LUN_ERROR (lun_error_quark ())
GQuark lun_error_quark (void);
