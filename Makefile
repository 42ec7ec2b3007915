# SPDX-License-Identifier: MIT
#
# tacit: `make help` lists the targets. Everything is built under build/, one tree per flavour.
#
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:

VERSION := 0.1.0

# What a packager may set.
DESTDIR     ?=
PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
SYSCONFDIR  ?= /etc
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/tacit
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
PKG_CONFIG  ?= pkg-config
CC          := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG       ?= clang
BPFTOOL     ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
INSTALL     ?= install
CFLAGS      ?= -O2 -g
LDFLAGS     ?=
SAN         ?=
WERROR      ?=
JOBS        ?= $(shell nproc)

comma := ,
O ?= build$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(COVERAGE),/cov)

ifeq ($(V),1)
Q   :=
say := @:
else
Q   := @
say = @printf '  %-7s %s\n' $(1) '$(2)'
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wnull-dereference \
	-Wimplicit-fallthrough $(if $(WERROR),-Werror)
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	$(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2)
our_cflags = -std=gnu17 -D_GNU_SOURCE -DTACIT_VERSION='"$(VERSION)"' -Iinclude -isystem $(O)/gen \
	$(WARN) $(HARDEN) -MMD -MP -ffile-prefix-map=$(CURDIR)=. \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	$(if $(COVERAGE),--coverage -O0)
our_ldflags = -pie -Wl,-z,relro,-z,now,--as-needed $(if $(SAN),-fsanitize=$(SAN)) \
	$(if $(COVERAGE),--coverage)
libs = $(shell $(PKG_CONFIG) --libs libbpf libcurl jansson sqlite3 libevent libevent_openssl \
	openssl libseccomp) -lz -lm

bpf_flags := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -Iinclude \
	-D__TARGET_ARCH_$(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/') \
	-ffile-prefix-map=$(CURDIR)=.

# What there is: a program's main() is in the file of its name, the rest of its folder a library.
agent_programs := tacitd tacit tacit-sim
programs       := $(agent_programs) tacit-aggregator
mains          := $(agent_programs:%=agent/%.c) aggregator/tacit-aggregator.c
core_src       := $(wildcard common/*.c models/*.c privacy/*.c)
agent_src      := $(filter-out $(mains),$(wildcard agent/*.c))
aggregator_src := $(filter-out $(mains),$(wildcard aggregator/*.c))
bpf_src        := $(wildcard bpf/*.bpf.c)
unit_src       := $(wildcard tests/unit/test_*.c)
root_src       := $(wildcard tests/root/test_*.c)
fuzz_src       := $(wildcard tests/fuzz/fuzz_*.c)
bench_src      := $(wildcard bench/bench_*.c)

obj      = $(patsubst %.c,$(O)/obj/%.o,$(1))
archives = $(O)/libagent.a $(O)/libaggregator.a $(O)/libtacit.a
skels    := $(O)/gen/sensor.skel.h $(O)/gen/task_hash.skel.h
units   := $(patsubst tests/%.c,$(O)/tests/%,$(unit_src))
roots   := $(patsubst tests/%.c,$(O)/tests/%,$(root_src))
replays := $(patsubst tests/%.c,$(O)/tests/%,$(fuzz_src))
benches := $(patsubst bench/%.c,$(O)/bench/%,$(bench_src))

all: deps                                               ## build the programs (default)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) programs

programs: $(programs:%=$(O)/%)

# Debian packages the build and the tests want; installed when missing, and said so.
BUILD_DEPS := gcc clang llvm bpftool pkg-config libbpf-dev libelf-dev zlib1g-dev \
	libcurl4-openssl-dev libjansson-dev libsqlite3-dev libevent-dev libssl-dev libseccomp-dev \
	libcunit1-dev ca-certificates
deps:                                                   ## install what the build needs (apt)
	@tests/deps.sh $(BUILD_DEPS)

$(O)/libtacit.a: $(call obj,$(core_src))
$(O)/libagent.a: $(call obj,$(agent_src))
$(O)/libaggregator.a: $(call obj,$(aggregator_src))
$(archives):
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(agent_programs:%=$(O)/%): $(O)/%: $(O)/obj/agent/%.o $(O)/libagent.a $(O)/libtacit.a
$(O)/tacit-aggregator: $(O)/obj/aggregator/tacit-aggregator.o $(O)/libaggregator.a $(O)/libtacit.a
$(programs:%=$(O)/%):
	$(call say,LINK,$@)
	$(Q)$(CC) $(our_ldflags) $(LDFLAGS) -o $@ $^ $(libs)

$(O)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(our_cflags) $(extra_inc) -c -o $@ $<

# Tests and benchmarks reach into the folders they exercise.
$(O)/obj/tests/%.o $(O)/obj/bench/%.o: extra_inc := -I.
$(call obj,agent/sensor_load.c): $(skels)

# BPF: compiled against bpf/kernel.h (the few kernel types we read), relocated by CO-RE.
$(O)/obj/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/tacit/feature.h include/tacit/counters.h)
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(bpf_flags) -c -o $@.tmp $< && $(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

# The concerns are linked into one object; what stands in for one of them on old kernels is its own.
linked_bpf := $(filter-out bpf/task_hash.bpf.c,$(bpf_src))
$(O)/obj/bpf/sensor.linked.o: $(linked_bpf:%.bpf.c=$(O)/obj/%.bpf.o)
	$(call say,BPFLD,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
$(O)/obj/bpf/task_hash.bpf.o: bpf/task.bpf.c
$(O)/obj/bpf/task_hash.linked.o: $(O)/obj/bpf/task_hash.bpf.o
	$(Q)cp $< $@

$(O)/gen/%.skel.h: $(O)/obj/bpf/%.linked.o
	$(call say,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

# Tests. A test binary prints TAP; tests/run adds the counts up and prints the last line.
wraps := $(patsubst %,-Wl$(comma)--wrap=tacit_%,calloc realloc strndup strdup memdup)
$(O)/tests/unit/test_% $(O)/tests/root/test_%: our_ldflags += $(wraps)
$(units) $(roots): $(O)/tests/%: $(O)/obj/tests/%.o $(O)/obj/tests/unit/fault.o $(archives)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(our_ldflags) $(LDFLAGS) -o $@ $^ -lcunit $(libs)

$(replays): $(O)/tests/%: $(O)/obj/tests/%.o $(O)/obj/tests/fuzz/replay.o $(archives)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(our_ldflags) $(LDFLAGS) -o $@ $^ $(libs)

$(benches): $(O)/bench/%: $(O)/obj/bench/%.o $(archives)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(our_ldflags) $(LDFLAGS) -o $@ $^ $(libs)

# What a test preloads into a program.
shims := $(patsubst tests/%.c,$(O)/tests/%.so,$(wildcard tests/integration/*.c))
$(shims): $(O)/tests/%.so: tests/%.c
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(our_cppflags) $(our_cflags) -fPIC -shared -fno-sanitize=all -o $@ $< -ldl

check: all                                              ## tests that need neither root nor network
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(units) $(replays) $(shims)
	$(Q)O=$(O) tests/run check $(units) $(replays) $(wildcard tests/integration/*.sh tests/lint/*.sh)

check-root: all                                         ## tests on the live kernel (root)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(roots)
	$(Q)O=$(O) tests/run check-root $(roots) $(wildcard tests/root/*.sh)

# One static program is all that a booted kernel runs; without sanitizers, which want more.
KERNEL_DEPS := qemu-system-x86 cpio
kernel_obj  := $(patsubst %.c,$(O)/obj/%.o,$(wildcard tests/kernels/*.c))
$(O)/tests/kernels/init: $(kernel_obj) $(O)/libagent.a $(O)/libtacit.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -static -s -Wl,--wrap=libbpf_set_print $(LDFLAGS) -o $@ $^ \
		$(shell $(PKG_CONFIG) --static --libs libbpf) -lm

check-kernels: all                                      ## the sensor on booted kernels (QEMU)
	$(if $(SAN)$(COVERAGE),$(error the program that is booted is static: no SAN, no COVERAGE))
	@tests/deps.sh $(KERNEL_DEPS)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(O)/tests/kernels/init
	$(Q)O=$(O) UPDATE=$(UPDATE) tests/run check-kernels tests/kernels/check.sh

# Programs that intruders bring along.
attack_tools := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/attacks/*.c))
$(attack_tools): $(O)/tests/%: $(O)/obj/tests/%.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(our_ldflags) $(LDFLAGS) -o $@ $^

check-attacks: all                                      ## what of harmless attacks is seen (root)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(attack_tools)
	$(Q)rm -f $(O)/attacks.md
	$(Q)O=$(O) TEST_TIMEOUT=900 tests/run check-attacks tests/attacks/check.sh; code=$$?; \
		[ ! -e $(O)/attacks.md ] || cat $(O)/attacks.md; exit $$code

demo: all                                               ## a fleet on this machine, end to end (root)
	$(Q)O=$(O) tests/demo.sh

# Peers that are measured beside ours; without them their rows are missing. auditd would start if it
# was installed, and be in the way of every task from then on, so it is only unpacked.
BENCH_DEPS   := libbpf-tools bpftrace jq python3-sklearn python3-torch
BENCH_UNPACK := auditd libauparse0 libwrap0

bench: all                                              ## paired benchmarks
	-@tests/deps.sh $(BENCH_DEPS)
	-@bench/lib/unpack.sh $(O)/bench/peers $(BENCH_UNPACK)
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(benches)
	$(Q)O=$(O) bench/run

# libFuzzer on one door, e.g. make fuzz-token TIME=60
fuzz-%: $(skels)                                        ## fuzz one door with libFuzzer
	@mkdir -p build/fuzz/corpus-$*
	$(call say,FUZZ,$*)
	$(Q)$(CLANG) -g -O1 -std=gnu17 -D_GNU_SOURCE -DTACIT_VERSION='"$(VERSION)"' -Iinclude -I. \
		-isystem build/gen -fsanitize=fuzzer,address,undefined -o build/fuzz/$* \
		tests/fuzz/fuzz_$*.c $(core_src) $(agent_src) $(aggregator_src) $(libs)
	$(Q)build/fuzz/$* -max_total_time=$(or $(TIME),10) -print_final_stats=1 \
		build/fuzz/corpus-$* $(wildcard tests/fuzz/corpus/$*)

tidy: all                                               ## clang-tidy over every source
	$(Q)fail=0; for f in $(core_src) $(agent_src) $(aggregator_src) $(mains); do \
		clang-tidy --quiet $$f -- -std=gnu17 -D_GNU_SOURCE -DTACIT_VERSION='"$(VERSION)"' \
			-Iinclude -isystem $(O)/gen 2>/dev/null || fail=1; done; exit $$fail

install: all                                            ## honours DESTDIR and PREFIX
	$(Q)$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(SYSCONFDIR)/tacit \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(UNITDIR) \
		$(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR) $(DESTDIR)$(DOCDIR)
	$(Q)$(INSTALL) -m 0755 $(O)/tacit $(O)/tacit-sim $(DESTDIR)$(BINDIR)
	$(Q)$(INSTALL) -m 0755 $(O)/tacitd $(O)/tacit-aggregator $(DESTDIR)$(SBINDIR)
	$(Q)for f in agent aggregator; do [ -e $(DESTDIR)$(SYSCONFDIR)/tacit/$$f.conf ] || \
		$(INSTALL) -m 0644 systemd/$$f.conf $(DESTDIR)$(SYSCONFDIR)/tacit; done
	$(Q)$(INSTALL) -m 0644 docs/man/*.5 $(DESTDIR)$(MANDIR)/man5
	$(Q)$(INSTALL) -m 0644 docs/man/*.8 $(DESTDIR)$(MANDIR)/man8
	$(Q)for f in systemd/*.service; do sed 's|@SBINDIR@|$(SBINDIR)|g' $$f \
		>$(DESTDIR)$(UNITDIR)/$${f##*/}; done
	$(Q)$(INSTALL) -m 0644 systemd/tacit.sysusers $(DESTDIR)$(SYSUSERSDIR)/tacit.conf
	$(Q)$(INSTALL) -m 0644 systemd/tacit.tmpfiles $(DESTDIR)$(TMPFILESDIR)/tacit.conf
	$(Q)$(INSTALL) -m 0644 README.md docs/*.md $(DESTDIR)$(DOCDIR)

# Configuration, state and accounts stay; what goes on counting without tacitd does not.
uninstall:                                              ## removes what install put there
	$(Q)[ -n "$(DESTDIR)" ] || $(SBINDIR)/tacitd --detach
	$(Q)rm -rf $(DESTDIR)$(DOCDIR) && \
		rm -f $(patsubst %,$(DESTDIR)$(BINDIR)/%,tacit tacit-sim) \
		$(patsubst %,$(DESTDIR)$(SBINDIR)/%,tacitd tacit-aggregator) \
		$(patsubst docs/man/%,$(DESTDIR)$(MANDIR)/man5/%,$(wildcard docs/man/*.5)) \
		$(patsubst docs/man/%,$(DESTDIR)$(MANDIR)/man8/%,$(wildcard docs/man/*.8)) \
		$(patsubst systemd/%,$(DESTDIR)$(UNITDIR)/%,$(wildcard systemd/*.service)) \
		$(DESTDIR)$(SYSUSERSDIR)/tacit.conf $(DESTDIR)$(TMPFILESDIR)/tacit.conf

clean:                                                  ## remove build/
	$(Q)rm -rf build

help:                                                   ## this list
	@sed -nE 's/^([a-z_%.-]+):[^#]*## /\1\t/p' Makefile | expand -t 16

.PHONY: all programs deps check check-root check-kernels check-attacks demo bench tidy install uninstall clean help
.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
