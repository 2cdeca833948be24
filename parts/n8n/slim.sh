# shellcheck shell=bash
# Leaves out of node_modules what no program there can use while n8n runs. The rules, by kind and not by name:
#
#   *.map                    where compiled code came from: read by debuggers
#   *.ts, *.mts, *.cts       types, and sources that were compiled: Node does not load them
#   prebuilds/OTHER          binaries for other systems, in folders named as prebuildify names them
#   include, share           of Node: headers and pages of its manual, once the native modules are compiled

slim() {
    local modules=$1 machine
    case $(uname -m) in
    x86_64) machine=linux-x64 ;;
    aarch64) machine=linux-arm64 ;;
    esac
    find "$modules" -type f \( -name '*.map' -o -name '*.[mc]ts' -o -name '*.ts' \) -delete
    find "$modules" -path '*/prebuilds/*' -prune -type d ! -name "$machine" -exec rm -rf {} +
    rm -rf "$modules"/node-linux-*/include "$modules"/node-linux-*/share
}
