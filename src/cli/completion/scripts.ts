// Completions for shells. Each script only asks `pspf __complete` what may stand at the cursor, so that there is one
// engine, driven by the command table, and a script never has to be printed anew.

import { nearest } from '../nearest.ts'
import { UsageError } from '../usage-error.ts'
import { filesDirective } from './candidates.ts'

const scripts = {
  bash: `# pspf completion bash
_pspf() {
  local IFS=$'\\n' reply
  reply=($("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  COMPREPLY=()
  if [ "\${reply[0]:-}" = '${filesDirective}' ]; then
    compopt -o default
    return
  fi
  COMPREPLY=("\${reply[@]%%$'\\t'*}")
  case "\${COMPREPLY[0]:-}" in *=) compopt -o nospace ;; esac
}
complete -F _pspf pspf pspfctl
`,
  zsh: `#compdef pspf pspfctl
# pspf completion zsh
_pspf() {
  local line
  local -a lines candidates
  lines=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${lines[1]}" == '${filesDirective}' ]]; then
    _files
    return
  fi
  for line in "\${lines[@]}"; do
    [[ -n "$line" ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe 'pspf' candidates
}
compdef _pspf pspf pspfctl
`,
  fish: `# pspf completion fish
function __pspf_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  set -l lines ($before[1] __complete $before[2..-1] "$current" 2>/dev/null)
  if test "$lines[1]" = '${filesDirective}'
    __fish_complete_path "$current"
    return
  end
  printf '%s\\n' $lines
end
complete -c pspf -f -a '(__pspf_complete)'
complete -c pspfctl -f -a '(__pspf_complete)'
`,
} as const

export const shells: readonly string[] = Object.keys(scripts)

/** Throws `UsageError` for a shell that has no script. */
export function completionScript(shell: string): string {
  if (Object.hasOwn(scripts, shell)) return scripts[shell as keyof typeof scripts]
  const meant = nearest(shell, shells)
  throw new UsageError(
    `there are no completions for "${shell}"`,
    meant ? `did you mean ${meant}` : `known: ${shells.join(', ')}`,
  )
}
