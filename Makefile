# Every target sets up what it needs: the container image, then the build. On a fresh machine: apt-get install make git
# MODEL=DIR_OR_ID chooses the model of `make run`; BENCH=NAME one benchmark of `make bench`; IMAGE_ARGS='--build-arg N=V'
# goes to the tool that builds the image.
DEV := tools/dev

.PHONY: help build run test bench format lint shell image push clean

help:
	@echo 'make run     start the service on http://localhost:3456 and embed samples through it   [MODEL=DIR_OR_ID]'
	@echo 'make test    build and run every test, sanitizers and the image included'
	@echo 'make bench   measure against floors and peers                                  [BENCH=tower|image|load|pipeline|service|soak]'
	@echo 'make build   compile into build/'
	@echo 'make format  clang-format the sources;  make lint  check formatting, clang-tidy and the scripts'
	@echo 'make shell   a shell in the development environment'
	@echo 'make image   build the runtime image   [IMAGE_ARGS=OPTIONS];   make push  push it to REGISTRY'

build:
	@$(DEV) tools/build build

run: build
	@$(DEV) tools/run-samples $(MODEL)

# The image is tested outside the container that the other tests run in; tests/run adds it to the counts.
test:
	@tests/image build-image/counts || true
	@$(DEV) tests/run

bench: build
	@$(DEV) bench/run $(BENCH)

format:
	@$(DEV) tools/lint --fix

lint:
	@$(DEV) tools/lint

shell:
	@$(DEV) bash

image:
	@tools/image build $(IMAGE_ARGS)

push: image
	@tools/image push $(REGISTRY)

clean:
	rm -rf build build-*
