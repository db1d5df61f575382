# The front door: each target does everything it needs on a fresh Debian 12 machine.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

.PHONY: all build test demo format format-check tidy asan tsan fuzz bench install clean packages

all: build

packages:
	@tools/install-packages.sh tools/packages.txt

$(BUILD)/build.ninja: | packages
	cmake --preset $(PRESET)

build: packages $(BUILD)/build.ninja  ## everything
	cmake --build $(BUILD) -j $(JOBS)

test: build  ## build, then every test
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

demo: packages $(BUILD)/build.ninja  ## a picture, segmented
	cmake --build $(BUILD) -j $(JOBS) --target san
	tools/demo.sh $(BUILD)

asan tsan:  ## the tests under sanitizers
	$(MAKE) test PRESET=$@

fuzz:  ## each parser's fuzzer for FUZZ_SECONDS, or FUZZ_RUNS inputs
	@tools/install-packages.sh tools/packages.txt tools/packages-dev.txt
	tools/run-fuzzers.sh

format:
	@tools/install-packages.sh tools/packages-dev.txt
	git ls-files '*.h' '*.hpp' '*.cpp' | xargs clang-format -i

format-check:
	@tools/install-packages.sh tools/packages-dev.txt
	git ls-files '*.h' '*.hpp' '*.cpp' | xargs clang-format --dry-run --Werror

tidy: build
	@tools/install-packages.sh tools/packages-dev.txt
	git ls-files 'src/*.cpp' 'apps/*.cpp' | grep -v _test.cpp | xargs -P $(JOBS) -n 4 tools/tidy.sh $(BUILD)

bench: build
	$(BUILD)/apps/san bench --model formula:vit-b-16

install: build
	cmake --install $(BUILD)

clean:
	rm -rf build
