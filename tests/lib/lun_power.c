/* lun-power cycle|reset IMAGE - power loss or LUN RESET of an emulated LUN that others use. */
#include <lunpath/emul.h>

#include <stdio.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc != 3 ||
      !(g_str_equal (argv[1], "cycle") || g_str_equal (argv[1], "reset"))) {
    fputs ("usage: lun-power cycle|reset IMAGE\n", stderr);
    return 2;
  }
  LunEmul *emul = lun_emul_open (argv[2], false, &error);
  if (emul == NULL) {
    fprintf (stderr, "lun-power: %s\n", error->message);
    return 1;
  }
  if (g_str_equal (argv[1], "cycle"))
    lun_emul_power_cycle (emul);
  else
    lun_emul_lun_reset (emul);
  lun_emul_close (emul);
  return 0;
}
