# metes: build, run, test, install. `make` alone builds the libraries; `make help` says what else there is.

CARGO   ?= cargo
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
VERSION := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
SONAME  := libmetes.so.0
# For another machine or libc: the target of rustc, and before the names of its tools what CROSS says. See docs/ports.md.
TARGET  ?=
CROSS   ?=
LINKER  ?= $(CROSS)gcc
OUT     := target/$(TARGET:%=%/)release
# The exporting flavour has a target directory of its own: it is never mixed with what the tests link.
BUILD   := target/export
EXPORT  := $(BUILD)/$(TARGET:%=%/)release

# nodelete: fork handlers and thread keys must never outlive the code they point at.
# Only what is marked is inlined beyond this: the fast paths are, and slow ones as large as they would be otherwise take 50 KiB more and no less time.
CODEGEN   := -C llvm-args=-inline-threshold=75
LINK_ARGS := -Wl,-soname,$(SONAME) -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
# A library that a program of musl loads shares the program's libc.
OF_TARGET := $(if $(TARGET),--target $(TARGET) --config 'target.$(TARGET).linker="$(LINKER)"' \
    $(if $(findstring musl,$(TARGET)),--config 'target.$(TARGET).rustflags=["-Ctarget-feature=-crt-static"]'))
SOURCES   := Cargo.toml Cargo.lock build.rs rust-toolchain.toml $(shell find src -name '*.rs' -o -name '*.c')

.PHONY: all tool help run check test test-aarch64 test-musl test-pages models soak lint miri tsan bench bench-quick bench-instr bench-start bench-checks bench-safety install uninstall deb test-system clean

all: $(OUT)/libmetes.so $(OUT)/libmetes.a ## builds target/release/libmetes.so and libmetes.a

$(EXPORT)/libmetes.so $(EXPORT)/libmetes.a &: $(SOURCES)
	$(CARGO) rustc --lib --release --features export --target-dir $(BUILD) $(OF_TARGET) --crate-type cdylib,staticlib -- \
	    $(CODEGEN) $(addprefix -C link-arg=,$(LINK_ARGS))
	@touch $(EXPORT)/libmetes.so $(EXPORT)/libmetes.a

# What the default checks cost: the same library without them, beside it.
UNCHECKED := target/unchecked/release/libmetes.so

$(UNCHECKED): $(SOURCES)
	$(CARGO) rustc --lib --release --features export,unchecked --target-dir target/unchecked --crate-type cdylib -- \
	    $(CODEGEN) $(addprefix -C link-arg=,$(LINK_ARGS))
	@touch $@

$(OUT)/libmetes.so: $(EXPORT)/libmetes.so
	@mkdir -p $(OUT)
	cp $< $@.new
	@# In one step: a program may be running on the old one.
	mv -f $@.new $@
	ln -sf libmetes.so $(OUT)/$(SONAME)

$(OUT)/libmetes.a: $(EXPORT)/libmetes.a scripts/make-static
	@mkdir -p $(OUT)
	LD=$(CROSS)ld OBJCOPY=$(CROSS)objcopy AR=$(CROSS)ar scripts/make-static $< $@

tool: ## builds the tool, target/tool/metes
	$(CARGO) build --quiet --profile tool -p metes-tools

help: ## says what there is
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sort | while IFS="$$(printf '\t')" read -r name what; do \
	    printf '  make %-12s %s\n' "$$name" "$$what"; \
	done

run: all ## builds metes and runs a real program on it
	scripts/run-demo

check: all ## runs the unit tests and the tests of the API, in a minute or two
	$(CARGO) fmt --check
	scripts/check-layers
	$(CARGO) test --quiet --lib
	$(CARGO) test --quiet --test c_programs -- api/
	$(CARGO) test --quiet --test c_programs -- misuse/

test: all ## runs all tests, and installs what they need first; some 12 minutes
	scripts/test

test-aarch64: ## builds metes for aarch64 and tests it under qemu; installs both
	scripts/test-aarch64

test-musl: ## builds metes for musl and tests it on real programs; installs what they need
	scripts/test-musl

test-pages: ## runs the tests with pages of 16 and of 64 KiB
	scripts/test-pages

test-system: all ## runs a Debian with metes in its ld.so.preload; needs root, debootstrap and a mirror
	scripts/test-system

models: ## runs the lock-free parts under loom
	$(CARGO) test --lib --features models models::

soak: all ## runs all tests with the full counts
	METES_SOAK=1 scripts/test

lint: ## checks format, lints, docs and layers
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --lib --release --features export --target-dir target/export -- -D warnings
	$(CARGO) clippy --lib --profile test --features models -- -D warnings
	RUSTFLAGS="--cfg miri" $(CARGO) check --quiet --lib --tests --target-dir target/cfg
	RUSTFLAGS="--cfg tsan" $(CARGO) check --quiet --lib --tests --target-dir target/cfg
	scripts/check-docs
	scripts/check-layers

miri: ## runs what can be run of the unit tests under Miri; needs a nightly toolchain
	scripts/miri

tsan: ## runs the threaded tests under ThreadSanitizer; needs a nightly toolchain
	scripts/tsan

# Side by side with the peers, which `scripts/setup-peers` builds into target/peers at the first call. `bench` writes every
# table of docs/performance.md and docs/memory.md into files of these names in target/bench; the memory page alone takes an hour.
bench: all ## compares with glibc and the peers, and makes every table of the docs; hours
	scripts/setup-peers
	scripts/bench-all

bench-quick: all ## compares with glibc and the peers in some minutes
	scripts/setup-peers
	scripts/compare --quick --rounds 3

bench-instr bench-start: all
	scripts/setup-peers
	scripts/$@

bench-checks: all $(UNCHECKED)
	scripts/bench-instr --allocators unchecked=$(UNCHECKED),metes
	scripts/compare --allocators unchecked=$(UNCHECKED),metes

# The tables of docs/safety.md and docs/valgrind.md. A peer that cannot be had is left out, and named.
bench-safety: all
	-scripts/setup-peers jemalloc mimalloc3 mimalloc3-secure scudo
	scripts/bench-safety
	scripts/bench-levels
	scripts/bench-valgrind

# Quoted everywhere: directories may have blanks and other signs in their names. What sed and pkg-config would take for their own is escaped, and
# that first, so that nothing is made where the name is no good.
LIBRARIES := libmetes.so.$(VERSION) $(SONAME) libmetes.so libmetes.a
HEADERS   := $(notdir $(wildcard include/*.h include/*.hpp))
PC        := metes.pc metes-static.pc
CMAKE     := metesConfig.cmake metesConfigVersion.cmake
MANUALS   := $(notdir $(wildcard man/*.[1-8]))
# The tool is installed if it was built, with the pages and the completions that it writes itself.
TOOL      ?= target/tool/metes
VERBS     := $(filter-out mod pages,$(sort $(basename $(notdir $(wildcard tools/src/verbs/*)))))
COMPLETE  := bash:bash-completion/completions/metes zsh:zsh/site-functions/_metes fish:fish/vendor_completions.d/metes.fish
# FILE:NAME for each function that a page is about: the page has that name, too.
MANNAMES   = $(shell awk 'FNR == 1 { page = FILENAME; sub(".*/", "", page) } /^\.Sh/ { name = $$2 == "NAME" } name && /^\.Nm/ { print page ":" $$2 ".3" }' man/*.3)
# To these two alone: what the tests install has directories of its own.
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export LIBDIR := $(LIBDIR)
install uninstall: export MANDIR := $(MANDIR)

install: all ## installs into PREFIX (/usr/local), under DESTDIR if that is set; the tool too if it is built
	@set -eu; lib="$$DESTDIR$$LIBDIR" include="$$DESTDIR$$PREFIX/include" man="$$DESTDIR$$MANDIR"; \
	escaped() { printf '%s\n' "$$1" | sed -e 's/[|&\]/\\&/g'; }; \
	prefix=$$(escaped "$$(printf '%s\n' "$$PREFIX" | sed 's/[[:space:]]/\\&/g')"); \
	libdir=$$(escaped "$$(printf '%s\n' "$$LIBDIR" | sed 's/[[:space:]]/\\&/g')"); \
	way=$$(escaped "$$(realpath -ms --relative-to="$$LIBDIR" "$$PREFIX/include")"); \
	install -d "$$lib/pkgconfig" "$$lib/cmake/metes" "$$include" "$$man/man3" "$$man/man7"; \
	install -m 755 $(OUT)/libmetes.so "$$lib/libmetes.so.$(VERSION)"; \
	ln -sf libmetes.so.$(VERSION) "$$lib/$(SONAME)"; \
	ln -sf $(SONAME) "$$lib/libmetes.so"; \
	install -m 644 $(OUT)/libmetes.a "$$lib/libmetes.a"; \
	for header in $(HEADERS); do install -m 644 "include/$$header" "$$include/$$header"; done; \
	for pc in $(PC); do \
	    sed -e "s|@PREFIX@|$$prefix|" -e "s|@LIBDIR@|$$libdir|" -e 's|@VERSION@|$(VERSION)|' $$pc.in > "$$lib/pkgconfig/$$pc"; \
	    chmod 644 "$$lib/pkgconfig/$$pc"; \
	done; \
	for file in $(CMAKE); do \
	    sed -e "s|@INCLUDE@|$$way|" -e 's|@VERSION@|$(VERSION)|' -e 's|@SONAME@|$(SONAME)|' packaging/cmake/$$file.in > "$$lib/cmake/metes/$$file"; \
	    chmod 644 "$$lib/cmake/metes/$$file"; \
	done; \
	for page in $(MANUALS); do install -m 644 "man/$$page" "$$man/man$${page##*.}/$$page"; done; \
	if [ -x "$(TOOL)" ]; then \
	    share="$$DESTDIR$$PREFIX/share"; \
	    install -d "$$DESTDIR$$PREFIX/bin" "$$man/man1"; \
	    install -m 755 "$(TOOL)" "$$DESTDIR$$PREFIX/bin/metes"; \
	    "$(TOOL)" pages "$$man/man1"; \
	    chmod 644 "$$man/man1/metes.1" "$$man/man1"/metes-*.1; \
	    for pair in $(COMPLETE); do \
	        install -d "$$share/$$(dirname "$${pair#*:}")"; \
	        "$(TOOL)" completions "$${pair%%:*}" > "$$share/$${pair#*:}"; \
	        chmod 644 "$$share/$${pair#*:}"; \
	    done; \
	fi; \
	for pair in $(MANNAMES); do \
	    page=$${pair%:*} name=$${pair#*:}; \
	    test -e "$$man/man3/$$name" -a ! -L "$$man/man3/$$name" || ln -sf "$$page" "$$man/man3/$$name"; \
	done

# Takes away what `install` with the same variables has put there, and leaves directories, which others may use too. Of the
# directory that has nothing but what is metes' it takes the directory.
uninstall: ## takes away what install has put there
	@set -eu; lib="$$DESTDIR$$LIBDIR" man="$$DESTDIR$$MANDIR"; \
	for file in $(LIBRARIES) $(PC:%=pkgconfig/%) $(CMAKE:%=cmake/metes/%); do rm -f "$$lib/$$file"; done; \
	rmdir "$$lib/cmake/metes" 2> /dev/null || true; \
	for header in $(HEADERS); do rm -f "$$DESTDIR$$PREFIX/include/$$header"; done; \
	for page in $(MANUALS); do rm -f "$$man/man$${page##*.}/$$page"; done; \
	for pair in $(MANNAMES); do rm -f "$$man/man3/$${pair#*:}"; done; \
	rm -f "$$DESTDIR$$PREFIX/bin/metes" "$$man/man1/metes.1"; \
	for verb in $(VERBS); do rm -f "$$man/man1/metes-$$verb.1"; done; \
	for pair in $(COMPLETE); do rm -f "$$DESTDIR$$PREFIX/share/$${pair#*:}"; done

deb: all tool ## builds Debian packages into target/deb: libmetes0, libmetes-dev, libmetes0-dbgsym, metes-tools
	scripts/make-deb

clean: ## removes target/
	rm -rf target
