# shellcheck shell=bash
# Leaves out of node_modules what no program there can use while n8n runs: half of its bytes, and more than half of its
# files. The rules are by kind, and name no package:
#
#   *.map, *.tsbuildinfo     where compiled code came from: read by debuggers and compilers
#   *.ts, *.mts, *.cts       types, and sources that were compiled: Node does not load them
#   *.o, *.a                 what compiling has left over
#   *.exe, *-win32-*, *-darwin-*, and in folders `prebuilds` all but this machine's: programs for other systems
#   include, share           of Node: headers, once the native modules are compiled, and its manual

slim() {
    local modules=$1 machine
    case $(uname -m) in
    x86_64) machine=linux-x64 ;;
    aarch64) machine=linux-arm64 ;;
    esac
    find "$modules" -type f \( -name '*.map' -o -name '*.tsbuildinfo' -o -name '*.ts' -o -name '*.[mc]ts' \
        -o -name '*.[oa]' -o -name '*.exe' -o -name '*-win32-*' -o -name '*-darwin-*' \) -delete
    find "$modules" -path '*/prebuilds/*' -prune -type d ! -name "$machine" -exec rm -rf {} +
    rm -rf "$modules"/node-linux-*/include "$modules"/node-linux-*/share
}
