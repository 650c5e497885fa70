# shellcheck shell=bash
# Completion of the programs' options for bash: source this file, or install it as
# /usr/share/bash-completion/completions/ftsd with links for the other names.
#
# The options are taken from each program's own --help, so that they are always the right ones.

# What --help prints; of the command of fts-admin that has been typed already, if there is one.
_ftsfs_help ()
{
  local word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ "${1##*/}" = fts-admin ] && [[ $word =~ ^[a-z]+$ ]] && "$1" "$word" --help 2>/dev/null; then
      return
    fi
  done
  "$1" --help 2>/dev/null
}

_ftsfs_complete ()
{
  local word=${COMP_WORDS[COMP_CWORD]}
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(
      compgen -W "$(_ftsfs_help "$1" | grep -oE -- '(^|[ ,])--[a-z][a-z-]*' | tr -d ' ,')" \
        -- "$word")
  elif [ "${1##*/}" = fts-admin ] && [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(
      compgen -W "$("$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')" \
        -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}

complete -o filenames -F _ftsfs_complete ftsd ftsfs fts fts-format fts-admin
