# SPDX-License-Identifier: GPL-2.0
#
# Entry point for everything. `make help` lists the targets.
#
# KDIR   build tree of the kernel to build modules for
# KVER   release of an installed kernel or its headers, gives KDIR
# Without both: the running kernel if its headers are there, else the newest ones.

MAKEFLAGS += --no-print-directory

TOP	:= $(CURDIR)
BUILD	:= $(TOP)/build

ifdef KVER
KDIR	?= /lib/modules/$(KVER)/build
else
KDIR	?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	     $(shell ls -1d /lib/modules/*/build 2>/dev/null | sort -rV))
endif

# Kbuild writes its objects beside the sources. So it gets a tree of links, one for
# each kernel, and several kernels do not disturb each other.
KREL	= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
KMOD	= $(BUILD)/kmod/$(KREL)
KSRC	:= Kbuild drivers include compat tests/kernel samples
# KMS=0: without displays, as for kernels without DRM
KMS	?= $(shell grep -cs '^CONFIG_DRM=' $(KDIR)/include/config/auto.conf)
KCONFIG	:= CONFIG_VIDEO_SHRBUF=m CONFIG_VIDEO_SHRBUF_SELFTEST=m \
	   CONFIG_VIDEO_SHRBUF_KMS=$(if $(filter 1,$(KMS)),y) \
	   CONFIG_DRM_FUSION=$(if $(filter 1,$(KMS)),m) \
	   CONFIG_VIDEO_SHRBUF_SHRCAM=m
KMAKE	= $(MAKE) -C $(KDIR) M=$(KMOD) $(KCONFIG)

MESON	:= $(BUILD)/user

export COUNT SEED FULL JOBS

.PHONY: all
all: modules user

.PHONY: help
help:
	@echo 'make                  build the modules and all programs'
	@echo 'make modules          modules only (KDIR=, KVER=: for another kernel)'
	@echo 'make user             libraries and programs only'
	@echo 'make modules_install  install the modules of the chosen kernel; SAMPLES=1: those too'
	@echo 'make install          install libraries, programs and headers'
	@echo 'make check            all tests and checks; ends with N passed, N failed'
	@echo 'make check-host       tests that need no kernel'
	@echo 'make check-guest      tests in the guest (stock kernel)'
	@echo 'make check-debug      the guest tests under KASAN, lockdep, ...; FULL=1: long'
	@echo 'make fuzz             the fuzzer alone: COUNT=requests SEED=to repeat'
	@echo 'make coverage         which lines of the modules the tests reach'
	@echo 'make lint             static checks; zero messages is the only pass'
	@echo 'make bench            what it costs, in instructions, beside stock videobuf2'
	@echo 'make demo             a camera on a display, without a copy: demo.png;'
	@echo '                      and by a route whose program is stopped: demo-route.png'
	@echo 'make demo CAMERA=usb  the same with a USB camera and uvcvideo'
	@echo 'make deps             install the packages that are missing'
	@echo 'make clean            remove all that was built'

.PHONY: deps
deps:
	@tools/deps

# kernel

.PHONY: modules kmod
modules: deps
	@test -n '$(KDIR)' || { echo 'No kernel headers found: set KDIR or install linux-headers-amd64.' >&2; exit 1; }
	@$(MAKE) kmod

# Links without the check for packages: tests/guest/run calls this.
kmod:
	@tools/kmod-links $(KMOD) $(KSRC)
	+@$(KMAKE) modules

.PHONY: modules_install
modules_install: modules
	@# without the modules that only test, and without samples unless SAMPLES=1
	+@$(KMAKE) CONFIG_VIDEO_SHRBUF_SELFTEST= \
		CONFIG_VIDEO_SHRBUF_SHRCAM=$(if $(filter 1,$(SAMPLES)),m) modules
	@# a kernel of a distribution comes without its key
	+$(KMAKE) INSTALL_MOD_DIR=updates $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) modules_install

# user space

$(MESON)/build.ninja:
	meson setup $(MESON) $(TOP) --buildtype=debugoptimized $(MESONFLAGS)

.PHONY: user
user: deps
	@test -f $(MESON)/build.ninja || $(MAKE) $(MESON)/build.ninja
	@ninja -C $(MESON)

.PHONY: install
install: user
	meson install -C $(MESON)

# tests

# TIERS= for others than these, see tests/run-all
TIERS	?= lint host guest demo
.PHONY: check check-host check-guest check-debug fuzz coverage lint
check: all
	@tests/run-all $(TIERS)

check-debug: all
	@tests/run-all debug

# COUNT= requests, SEED= to repeat a run
COUNT	?= 20000
fuzz: all
	@tests/run-all fuzz

coverage: all
	@tools/coverage

check-host: user
	@tests/run-all host

check-guest: all
	@tests/run-all guest

# It measures, and fails only if it cannot.
.PHONY: bench
bench: all
	@tests/bench/run

lint: deps
	@tools/lint

# CAMERA=usb: a USB camera in place of the test camera
.PHONY: demo
demo: all
	@tests/demo/run $(if $(CAMERA),--camera '$(CAMERA)')
	@$(if $(CAMERA),,tests/demo/run-route)

.PHONY: clean
clean:
	rm -rf $(BUILD)
