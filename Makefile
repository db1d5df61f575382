# The front door: each target does everything it needs on a fresh Debian 12 machine.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
# ON compiles a room's files eight at a time: half of the compiler's time, but no file on its own.
UNITY ?=

# What reads files that somebody else made, and what shares memory between threads: checked under sanitizers every time.
PARSERS := checkpoint_test text_test hub_test image_test image_codec_test data_test eval_test prepare_test verify_test serve_test \
	image_tiff_test image_opencv_test sandbox_test bank_test world_test flow_test temporal_test video_program_test
FUZZERS := $(basename $(notdir $(wildcard tests/fuzz/*_fuzz.cpp)))
THREADS := base_test backend_native_test engine_test library_threads_test serve_test sandbox_test shared_work_test

# What runs under qemu for ARM64: kernels, what reads models and texts, the head, the recorded tiny network.
ARM64_TESTS := backend_native_test checkpoint_test text_test labels_test verify_test
ARM64_LIBRARIES := $(filter-out libtorch-dev libgloo-dev libbenchmark-dev,$(filter %-dev fonts-%,$(file <tools/packages.txt)))

empty :=
any_of = ^($(subst $(empty) $(empty),|,$(strip $(1))))$$

.PHONY: all build test node-packages demo wheel format format-check tidy tidy-changed asan tsan asan-parsers tsan-threads fuzz bench install clean packages \
	deb tarball arm64 check-packages check-deb check-tarball check-wheel check-reproducible release-tools

all: build

packages:
	@tools/install-packages.sh tools/packages.txt

$(BUILD)/build.ninja: | packages
	cmake --preset $(PRESET) $(if $(UNITY),-DCMAKE_UNITY_BUILD=$(UNITY))

build: packages $(BUILD)/build.ninja  ## everything
	cmake --build $(BUILD) -j $(JOBS)

test: build node-packages  ## build, then every test
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

node-packages: $(BUILD)/build.ninja  # what tests run exported graphs with; without it they skip
	@if command -v npm >/dev/null && command -v node >/dev/null; then \
	  cmake --build $(BUILD) --target node_packages || echo "SKIPPED: npm could not fetch ONNX Runtime; no exported graph is run"; \
	else echo "SKIPPED: node or npm is missing (Debian: nodejs, npm); no exported graph is run"; fi

demo:  ## a picture, segmented: without what only training, tests and Python need
	@sed '/^# Beyond/,$$d' tools/packages.txt | tools/install-packages.sh -
	cmake --preset demo
	cmake --build build/demo -j $(JOBS) --target san
	tools/demo.sh build/demo

wheel: packages $(BUILD)/build.ninja  ## the Python package, for every Python 3.9 or later; prints its path
	cmake --build $(BUILD) -j $(JOBS) --target wheel

asan tsan:  ## the tests under sanitizers
	$(MAKE) test PRESET=$@

# Of the demo world what reads its pictures; what draws from them computes.
asan-parsers: packages  ## what reads files, hostile ones and the fuzzers' seeds, under AddressSanitizer and UndefinedBehaviorSanitizer
	cmake --preset asan
	cmake --build build/asan -j $(JOBS) --target $(PARSERS) $(FUZZERS) san
	GTEST_FILTER='-*NativeGolden*/vit*:Samplers.*:SceneClip.*' ctest --test-dir build/asan --output-on-failure -j $(JOBS) -R '$(call any_of,$(PARSERS) $(FUZZERS:%=%_seeds) hostile_test)'

# Threads share the same whatever the instruction set: kernels run in the best one alone (the suite "native").
tsan-threads: packages  ## the suites of what runs in several threads, under ThreadSanitizer
	cmake --preset tsan
	cmake --build build/tsan -j $(JOBS) --target $(THREADS)
	GTEST_FILTER='-native_*' ctest --test-dir build/tsan --output-on-failure -j $(JOBS) -R '$(call any_of,$(THREADS))'

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

tidy-changed: build  ## tidy for the files that this branch changed
	@tools/install-packages.sh tools/packages-dev.txt
	cmake $(BUILD) -DCMAKE_UNITY_BUILD=OFF  # each file on its own: an include that it misses is found
	tools/changed-files.sh 'src/*.cpp' 'apps/*.cpp' | grep -v _test.cpp | xargs -r -P $(JOBS) -n 4 tools/tidy.sh $(BUILD)

bench: build
	$(BUILD)/apps/san bench --model formula:vit-b-16

install: build
	cmake --install $(BUILD)

release-tools:
	@tools/install-packages.sh tools/packages.txt tools/packages-release.txt

deb: release-tools  ## Debian packages: san, libsan-dev, san-train
	JOBS=$(JOBS) packaging/build.sh build/package
	packaging/deb.sh build/package dist

tarball: release-tools  ## an archive that runs on any Linux
	JOBS=$(JOBS) packaging/build.sh build/package
	packaging/tarball.sh build/package dist

arm64:  ## cross-built for ARM64, its tests under qemu; without training
	@tools/install-packages.sh tools/packages-arm64.txt
	tools/sysroot.sh arm64 build/arm64-sysroot $(ARM64_LIBRARIES)
	cmake --preset arm64
	cmake --build build/arm64 -j $(JOBS) --target $(ARM64_TESTS)
	GTEST_FILTER='-*vitb16*:*vitl14*' ctest --test-dir build/arm64 --output-on-failure -j $(JOBS) -R '$(call any_of,$(ARM64_TESTS))'

check-onnx-examples: build node-packages  ## examples/onnx with Debian 13's ONNX Runtime (root, debootstrap)
	@tools/install-packages.sh tools/packages-release.txt
	packaging/check-onnx-examples.sh $(BUILD)

check-packages: check-deb check-tarball check-wheel  ## install and use them on bare Debian systems (root, debootstrap)

check-deb: deb
	packaging/check-deb.sh build/package dist

check-tarball: tarball
	packaging/check-tarball.sh build/package dist

check-wheel: tarball  ## on Python 3.9 and 3.13
	JOBS=$(JOBS) packaging/wheel.sh build/package dist
	packaging/check-wheel.sh dist

check-reproducible: tarball deb  ## build once more, without the compiler's cache: the same bytes
	JOBS=$(JOBS) packaging/wheel.sh build/package dist
	JOBS=$(JOBS) packaging/check-reproducible.sh dist

clean:
	rm -rf build
