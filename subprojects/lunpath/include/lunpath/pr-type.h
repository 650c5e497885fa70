/* lunpath/pr-type.h - types of persistent reservations (SPC-4 table 45). */
#pragma once

/*                          strangers   registered paths   holder            */
typedef enum {
  LUN_PR_WRITE_EXCLUSIVE = 1,             /* read        read               one path  */
  LUN_PR_EXCLUSIVE_ACCESS = 3,            /* nothing     nothing            one path  */
  LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS = 5, /* read        all                one path  */
  LUN_PR_EXCLUSIVE_ACCESS_REGISTRANTS =
    6,                             /* nothing     all                one path  */
  LUN_PR_WRITE_EXCLUSIVE_ALL = 7,  /* read        all                every one */
  LUN_PR_EXCLUSIVE_ACCESS_ALL = 8, /* nothing     all                every one */
} LunPrType;

/* In words. */
const char *lun_pr_type_name (LunPrType type);
