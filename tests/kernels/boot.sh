#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/kernels/boot.sh NAME SERIES [WORD...]: boots the kernel with tests/kernels/init.c as its
# only program and WORDs on its command line. Leaves what that wrote in build/kernels/NAME.table,
# and the console in build/kernels/NAME.console. No KVM: every instruction is emulated.
set -eu
name=$1 series=$2
shift 2
place=build/kernels
disk=$place/$name.disk
rm -f "$place/$name.table" "$place/$name.console"
trap 'rm -f "$disk"' EXIT
truncate -s 1M "$disk"
timeout --foreground 300 qemu-system-x86_64 -machine pc -accel tcg -cpu max -smp 2 -m 512 \
	-nodefaults -display none -no-reboot \
	-kernel "$place/$series/vmlinuz" -initrd "$O/tests/kernels/initrd" \
	-append "console=ttyS0 loglevel=5 mitigations=off panic=-1 reboot=t $*" \
	-drive "if=none,id=disk,format=raw,file=$disk" -device nvme,drive=disk,serial=tacit \
	-serial "file:$place/$name.console" -serial "file:$place/$name.table"
