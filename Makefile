# SPDX-License-Identifier: GPL-2.0
#
# The commands a person types. Each sets up what it needs (Debian 12, root);
# `make help` lists them. Kbuild is the kernel's side of the build, pure.mk
# the list both sides share.

.DEFAULT_GOAL := help
SHELL := /bin/bash

# The newest Debian 6.1 headers. Not `uname -r`: the modules run in the
# emulated host, which boots the Debian kernel that matches these headers.
KDIR ?= $(lastword $(shell ls -d /usr/src/linux-headers-6.1.*-amd64 2>/dev/null | sort -V))
W ?= 1
C ?= 0

include pure.mk

# ---- unit tests -------------------------------------------------------------
U := build/unit
UNIT_CFLAGS := -std=gnu11 -g -O1 -I. -Wall -Wextra -Werror \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -MMD -MP
pure-src := $(wildcard $(pure-objs:.o=.c))
pure-obj := $(pure-src:%.c=$(U)/%.o)
unit-src := $(wildcard tests/unit/test_*.c)
unit-help := $(filter-out $(unit-src),$(wildcard tests/unit/*.c)) \
	$(wildcard tests/model/*.c)
unit-bin := $(unit-src:tests/unit/%.c=$(U)/bin/%)
tool-src := $(wildcard tools/backplane/*.c)
tool-lib := $(filter-out tools/backplane/main.c,$(tool-src))

$(U)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -c -o $@ $<

$(U)/libpure.a: $(pure-obj)
	@mkdir -p $(@D); rm -f $@
	ar rcs $@ $^

# What several tests share (tests/unit/*.c that are not tests themselves, and
# the models of tests/model).
$(U)/libhelp.a: $(unit-help:%.c=$(U)/%.o)
	@mkdir -p $(@D); rm -f $@
	ar rcs $@ $^

$(U)/libtool.a: $(tool-lib:%.c=$(U)/%.o)
	@mkdir -p $(@D); rm -f $@
	ar rcs $@ $^

$(U)/bin/test_backplane: UNIT_LIBS := $(U)/libtool.a -lpci
$(U)/bin/test_backplane: $(U)/libtool.a

$(U)/bin/%: tests/unit/%.c $(U)/libhelp.a $(U)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -Wno-unused-parameter -MF $@.d -o $@ $< $(U)/libhelp.a $(U)/libpure.a $(UNIT_LIBS) -lcmocka

-include $(pure-obj:.o=.d) $(tool-lib:%.c=$(U)/%.d) $(unit-help:%.c=$(U)/%.d) $(unit-bin:=.d)

.PHONY: help tools lab-programs install uninstall deb package-test qemu-7.2 campaigns unit unit-bins modules test test-full test-debug test-6.12 demo cards lab setup qemu proofs faults fuzz fuzz-ioctl lint bench bench-quick clean

help:
	@echo 'Backplane: a machine'"'"'s real PCI cards for a virtual machine, safely.'
	@echo
	@echo '  make demo     set up everything and show the main job, with a table'
	@echo '  make test     set up everything and pass all tests'
	@echo '  make test-full  the long lab flows too (tests/lab/full); N="13 50" for some'
	@echo '  make test-debug  the lab flows on a kernel with KASAN, lockdep, kmemleak ...; N="02 71" for some'
	@echo '  make unit     the unit tests only (seconds); T=test_gpm for one'
	@echo '  make cards    give every kind of card to a guest; build/cards.json (B=net: one boot, added)'
	@echo '  make lab      a root shell on the emulated AMD host; exit with ctrl-a x'
	@echo '  make proofs   CBMC proofs of the pure cores (fetches cbmc once); P=vcfg for one file'
	@echo '  make faults   fault injection: 100,000 hostile DMAs and more, build/faults.json (COUNT= SEED=)'
	@echo '  make fuzz     bounded fuzzing of the emulator, of config space and of the parsers'
	@echo '  make test-6.12  all of make test on Debian'"'"'s 6.12 kernel (from backports)'
	@echo '  make campaigns  a million random interrupt steps, a thousand VMMs killed under DMA (STEPS= KILLS=)'
	@echo '  make fuzz-ioctl  a million random calls to /dev/kvm, in the lab; SEED=n for others'
	@echo '  make lint     W=1, sparse, checkpatch and the layer checks'
	@echo '  make bench    what operations cost, beside the in-tree stack; bench-quick is shorter'
	@echo '  make modules  build the four kernel modules for KDIR'
	@echo '  make tools    build the operator'"'"'s command, build/backplane'
	@echo '  make install  onto this machine (Debian 12): DKMS, unit, initramfs; make uninstall undoes it'
	@echo '  make deb      the same as a Debian package, build/backplane_*.deb'
	@echo '  make package-test  install, boot, use and remove it on a Debian 12 in the lab'
	@echo '  make setup    install the Debian packages all of this needs'
	@echo '  make qemu     build the patched QEMU into the cache, once; qemu-7.2: the VMM of Debian 12'
	@echo '  make clean    remove what was built in this folder (not the cache)'
	@echo
	@echo '  KDIR=$(KDIR)'
	@echo '  BACKPLANE_CACHE=$${BACKPLANE_CACHE:-~/.cache/backplane} keeps the kernel and QEMU builds'

setup:
	@tools/lab/setup packages

unit-bins: $(unit-bin)

# One test: make unit T=test_gpm
unit: setup
	@$(MAKE) --no-print-directory -s -j$(shell nproc) unit-bins
	@tests/run unit $(T)

modules: setup
	@test -n "$(KDIR)" || { echo 'make: no Debian 6.1 kernel headers in /usr/src: apt-get install linux-headers-amd64, or give KDIR=' >&2; exit 1; }
	+$(MAKE) -C $(KDIR) M=$(CURDIR) W=$(W) C=$(C) -j$(shell nproc) modules

# ---- the operator's command --------------------------------------------------
TOOL_CFLAGS ?= -O2 -g
build/backplane: $(tool-src) $(wildcard tools/backplane/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(TOOL_CFLAGS) -I. -Wall -Wextra -Werror $(LDFLAGS) -o $@ $(tool-src) -lpci

tools: setup
	@$(MAKE) --no-print-directory build/backplane

# What the emulated host runs beside it: every program of tests/lab.
lab-bin := $(patsubst tests/lab/%.c,build/lab-bin/%,$(wildcard tests/lab/*.c))
build/lab-bin/%: tests/lab/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -static -pthread -I. -MMD -MP -MF build/lab-bin/.$*.d -o $@ $<

# A kernel for guests (tests/lab/bare): 64-bit code in the 32-bit image that a
# multiboot loader takes
bare-obj := $(patsubst tests/lab/bare/%,build/bare/%.o,$(basename \
	$(wildcard tests/lab/bare/*.c tests/lab/bare/*.S)))
BARE_CFLAGS := -m64 -O1 -std=gnu11 -Wall -Wextra -Werror -ffreestanding -fno-pic \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -MMD -MP
build/bare/%.o: tests/lab/bare/%.c
	@mkdir -p $(@D)
	$(CC) $(BARE_CFLAGS) -c -o $@ $<

build/bare/%.o: tests/lab/bare/%.S
	@mkdir -p $(@D)
	$(CC) -m64 -MMD -MP -c -o $@ $<

build/lab-bin/bare.elf: $(bare-obj) tests/lab/bare/link.ld
	@mkdir -p $(@D)
	ld -m elf_x86_64 -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments \
		-T tests/lab/bare/link.ld -o build/bare/bare.64 $(bare-obj)
	objcopy -O elf32-i386 build/bare/bare.64 $@

-include $(lab-bin:build/lab-bin/%=build/lab-bin/.%.d) $(bare-obj:.o=.d)

lab-programs: build/backplane $(lab-bin) build/lab-bin/bare.elf

# ---- onto a machine: packaging/README.md -----------------------------------
install: build/backplane
	@packaging/install machine

uninstall:
	@packaging/install undo

deb: tools
	@packaging/install deb

package-test: tools qemu
	@tests/run full 60

qemu: setup
	@tools/lab/qemu-build

qemu-7.2: setup
	@tools/lab/qemu-build 7.2

test:
	@tests/run all

# Hours on two cores: what make test has no time for.
test-full: modules qemu
	@tests/run full $(N)

# Hours, too: the first time it builds that kernel (tests/README.md).
test-debug: setup qemu
	@tests/run debug $(N)

demo:
	@tools/lab/demo

# The boots are those of tests/lab/cards/list.sh: net disk misc bridge sriov ...
cards: modules qemu
	@tests/lab/cards/run $(if $(B),--add) $(B)

lab: modules qemu
	@tools/lab/machine --interactive

# A quarter of an hour each: a thousand VMMs killed under DMA, and a million steps
# with a card's interrupts masked, re-routed and raised. make test-full has some.
campaigns: modules qemu
	@STEPS=$${STEPS:-1000000} tests/run full 28
	@KILLS=$${KILLS:-1000} QEMU_KILLS=$${QEMU_KILLS:-3} tests/run full 24

proofs: setup
	@tests/proofs/run $(P)

fuzz: setup
	@for f in tests/fuzz/run-*; do $$f || exit 1; done

bench: modules qemu
	@tools/lab/setup bench
	@tests/bench/run all

bench-quick: modules qemu
	@tests/bench/run quick

faults: modules qemu
	@tests/lab/faults/run

# The same tests on Debian's 6.12 kernel, as host and as guest: on the emulated
# machine only, nothing is installed.
test-6.12: setup
	+@KDIR=$$(tools/lab/setup headers-6.12) && $(MAKE) --no-print-directory clean >/dev/null && \
		KDIR=$$KDIR tests/run all

# The quick part is in tests/lab/32-observe.sh.
fuzz-ioctl: setup qemu modules
	@tests/fuzz/run-ioctl $(SEED)

lint: setup
	@tests/run checks

clean:
	rm -rf build
	test -z "$(KDIR)" || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
