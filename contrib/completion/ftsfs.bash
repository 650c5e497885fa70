# shellcheck shell=bash
# Completion of the programs' options for bash: source this file, or install it as
# /usr/share/bash-completion/completions/ftsd with links for the other names.
#
# The options are taken from each program's own --help, so that they are always the right ones.

_ftsfs_complete ()
{
  local word=${COMP_WORDS[COMP_CWORD]}
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(
      compgen -W "$("$1" --help 2>/dev/null | grep -oE -- '(^|[ ,])--[a-z][a-z-]*' | tr -d ' ,')" \
        -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -o filenames -F _ftsfs_complete ftsd ftsfs fts fts-format fts-admin
