# shellcheck shell=bash
# Questions, as boxes on the terminal, which also work on a serial line. Who presses "Leave" or Escape ends the installer.

# Otherwise an error of dialog's own would look like Escape.
export DIALOG_ERROR=254

# box ARG...: prints what was answered.
box() {
    local answer status=0
    answer=$(dialog --backtitle "JEX's installer" --cr-wrap --no-collapse --output-fd 3 "$@" \
        3>&1 >/dev/tty </dev/tty 2>>"$JEX_LOG") || status=$?
    # What is said next should not be written over the box.
    printf '\e[H\e[2J' >/dev/tty
    if ((status == 254)); then
        fail 'The question cannot be shown on this terminal.' "Use a terminal of at least 80 by 24 characters, with TERM set (now: ${TERM:-not set})."
    fi
    printf '%s\n' "$answer"
    return "$status"
}

# answer_to ARG...: as above; without an answer it is the end.
answer_to() {
    local status=0
    box --cancel-label Leave "$@" || status=$?
    # Above 128 it was a signal, except for Escape.
    if ((status == 130 || status == 143)); then exit "$status"; fi
    if ((status != 0)); then exit 3; fi
}

# choose TITLE TEXT (VALUE WORDS)...: prints the value.
choose() { answer_to --title "$1" --no-tags --menu "$2" 0 0 0 "${@:3}"; }

# mark TITLE TEXT (VALUE WORDS on|off)...: prints each marked value on a line.
mark() { answer_to --title "$1" --no-tags --separate-output --checklist "$2" 0 0 0 "${@:3}"; }

# height TEXT: of a box with the text and a line to type on, 76 wide. dialog itself takes it for a single line.
height() { echo $(($(fold --spaces --width 70 <<<"$1" | wc --lines) + 7)); }

# enter TITLE TEXT: prints what was typed.
enter() { answer_to --title "$1" --max-input 16384 --inputbox "$2" "$(height "$2")" 76; }

# secret TITLE TEXT: prints what was typed, which shows as stars.
secret() { answer_to --title "$1" --insecure --passwordbox "$2" "$(height "$2")" 76; }

# agree TITLE TEXT: goes on, or it is the end.
agree() { answer_to --title "$1" --yes-label 'Go on' --no-label Leave --yesno "$2" 0 0 >/dev/null; }

# show TITLE TEXT
show() { box --title "$1" --msgbox "$2" 0 0 >/dev/null || true; }
