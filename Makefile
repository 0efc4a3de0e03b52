# A thin front for people. All that is built is described in CMakeLists.txt and CMakePresets.json.
#
#   make            build the release into build/release
#   make deps       install what is missing (Debian and its kin; elsewhere the packages are named)
#   make demo       deps, build, train on a few hundred pictures and classify some (PHOTOS=folder for your own)
#   make test       deps, build with warnings as errors, the whole test suite
#   make install    PREFIX=/usr/local, DESTDIR=
#   make format     clang-format over all C files
#   make fuzz       each fuzz target for FUZZ_SECONDS=60
#   make bench      the comparison of bench/ with other programs (needs TOPWORK_SHARED or ../shared)
#   make clean      remove build/
#
# DEPS=no leaves the packages alone.

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
DEPS ?= yes
RELEASE := build/release
JOBS := $(shell nproc 2>/dev/null || echo 2)

.PHONY: all build configure deps deps-ci demo test install format fuzz bench clean

all: build

$(RELEASE)/build.ninja:
	@command -v cmake >/dev/null || { echo "cmake is missing: run 'make deps' first" >&2; exit 1; }
	cmake --preset release

build: $(RELEASE)/build.ninja
	@cmake --build $(RELEASE)

deps:
ifneq ($(DEPS),no)
	@tools/deps.sh tools/packages.txt
endif

deps-ci:
ifneq ($(DEPS),no)
	@tools/deps.sh tools/packages.txt tools/packages-ci.txt
endif

demo: deps
	@$(MAKE) --no-print-directory build
	@PHOTOS='$(PHOTOS)' tools/demo.sh

test: deps
	@cmake --preset release -DTOPWORK_WERROR=ON
	@cmake --build $(RELEASE)
	@ctest --test-dir $(RELEASE) --output-on-failure -j $(JOBS)

install: build
	@cmake -B $(RELEASE) -DCMAKE_INSTALL_PREFIX='$(PREFIX)' >/dev/null
	@cmake --build $(RELEASE)
	@DESTDIR='$(DESTDIR)' cmake --install $(RELEASE)

format: deps-ci
	@tools/sources.sh | xargs clang-format -i

fuzz: deps-ci
	@tools/fuzz.sh $(FUZZ_SECONDS)

bench: build
	@bench/compare

clean:
	rm -rf build
