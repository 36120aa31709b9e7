# One word per deed, the same for people and for CI. `make help` lists them.

PYTHON ?= python3
VENV := .venv
RUN := . $(VENV)/bin/activate &&
ARGS ?=
DATA ?= data
REVIEWS = $(DATA)/zh_reviews/oshop.zip
# Four test processes, on two cores: those that start others wait more than they work. A file's tests stay together, for they share what they start; the longest first.
PYTEST := python -m pytest -n 4 --dist loadscope --no-loadscope-reorder
export MLFLOW_DISABLE_TELEMETRY := true
# KAFKA=apache: on Apache Kafka instead of the embedded broker.
BROKER := $(if $(filter apache,$(KAFKA)),kafka)

.DEFAULT_GOAL := help
.PHONY: help setup kafka demo demo-check demo-zh demo-retrain demo-secure test test-kafka coverage fuzz check lint format bench-stream bench-encode bench-quality bench-heads bench-audiences bench-recommend bench-language tune bench-staleness \
  bench-continual bench-judge bench-service bench-assist bench-portrait bench-opinions bench-experiments encoder-zh generate replay-dead up down clean lock \
  sbom audit pin-images fuzz-http

help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed  ## Create .venv with everything that the demo and the tests need.

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Portrait needs Python 3.11 or later: make PYTHON=python3.11 ...'; exit 1; }
	@test -d $(VENV) || { echo 'Creating .venv'; $(PYTHON) -m venv $(VENV); }
	@echo 'Installing packages; the first time takes a few minutes'
	@$(RUN) python -m pip install --disable-pip-version-check --quiet --progress-bar on \
	  --constraint constraints.txt --editable '.[encode,openvino,train,demo,bench,dev]'
	@touch $@

kafka: build/kafka/.fetched  ## Fetch Apache Kafka into build/, for KAFKA=apache; needs Java 17 and Maven.

build/kafka/.fetched: sandbox/kafka/pom.xml
	@for tool in java mvn; do command -v $$tool > /dev/null || \
	  { echo "Apache Kafka needs $$tool, which is not here: install Java 17 or later, and Maven."; exit 1; }; done
	@echo 'Fetching Apache Kafka'
	@rm -rf $(@D) && mvn --batch-mode --quiet --file $< dependency:copy-dependencies \
	  -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D)/libs
	@touch $@

demo: setup $(BROKER)  ## Watch real shopping events become profiles; Ctrl-C ends it.
	@$(RUN) python -m demo $(ARGS)

demo-check: setup $(BROKER)  ## The same, ends by itself, and fails if an event was lost; the last line is JSON.
	@$(RUN) python -m demo --check $(ARGS)

demo-zh: setup encoder-zh $(BROKER)  ## A Chinese shop: profile, reasons, opinions, searches; last line JSON (DATA=folder: real reviews).
	@$(RUN) python -m demo.zh $(if $(wildcard $(REVIEWS)),--reviews $(REVIEWS)) $(ARGS)

demo-retrain: setup $(BROKER)  ## A model trains itself again, is judged and promoted under load; last line JSON.
	@$(RUN) python -m demo.retrain

demo-secure: setup $(BROKER)  ## Two shops, keys, an intruder, an export, an erasure with its receipt; last line JSON.
	@$(RUN) python -m demo.secure

test: setup lint $(BROKER)  ## Every check and every test, with real servers.
	@$(RUN) $(PYTEST) $(ARGS)
ifneq ($(KAFKA),apache)
	@echo 'Left out: tests/kafka, on Apache Kafka (make test-kafka; it needs Java 17 and Maven).'
endif

# What Apache Kafka alone does, and what else depends on the broker; the longest first.
ON_KAFKA := tests/faults/test_kill.py tests/kafka tests/e2e/test_whole.py tests/faults/test_poison.py tests/faults/test_archive_kill.py \
  tests/integration/test_kafka.py tests/integration/test_kafka_away.py tests/integration/test_archive.py $(wildcard tests/contract/test_stream.py)
test-kafka: export KAFKA := apache
test-kafka: setup kafka  ## The stream, one whole Portrait and the kill tests, on Apache Kafka.
	@$(RUN) $(PYTEST) -n 3 $(ON_KAFKA) $(ARGS)

coverage: setup  ## Every test, and which lines none of them reaches; a third slower.
	@$(RUN) $(PYTEST) --cov --cov-report=term:skip-covered $(ARGS)

fuzz: setup  ## Tests of properties on examples that nobody has tried, thirty times as many; what fails is kept in .hypothesis.
	@$(RUN) $(PYTEST) -q --hypothesis-profile=fuzz -m hypothesis tests/unit $(ARGS)

fuzz-http: setup  ## What the contract of the API allows, sent to a real service for five minutes (ARGS="--seconds 60").
	@$(RUN) python -m tests.support.fuzzed $(ARGS)

check: setup lint  ## Format, lint, types, import rules, deployment files, and the tests without servers.
	@$(RUN) $(PYTEST) -q tests/unit

lint: setup
	@$(RUN) ruff format --check . && ruff check . && mypy && lint-imports

format: setup  ## Put the code into its one format.
	@$(RUN) ruff format . && ruff check --fix .

sbom: setup  ## What the images are made of: build/sbom.json (CycloneDX), and the licences: docs/licences.md.
	@$(RUN) python -m tests.support.sbom

audit: setup  ## Known holes in what is installed, where their database is reached; else it is said.
	@$(RUN) python -m tests.support.audit

encoder-zh: build/encoder-zh/config.json  ## A BERT that reads Chinese and English, in build/encoder-zh (95 MB are fetched).

build/encoder-zh/config.json: portrait/text/encoder_zh.py | setup
	@$(RUN) python -m portrait.text.encoder_zh $(@D)

bench-stream: setup  ## Speed of the update worker beside the least any worker must do.
	@$(RUN) python -m benchmarks.stream $(ARGS)

bench-encode: setup  ## Texts per second of BERT's paths, side by side.
	@$(RUN) python -m benchmarks.encode $(ARGS)

bench-quality: setup  ## Rankings beside their peers' (DATA=folder, SETS=folders); last line JSON.
	@$(RUN) python -m benchmarks.quality --data $(DATA) $(if $(SETS),--sets $(SETS)) $(ARGS)

bench-heads: setup  ## Intent, churn, next action, interests, sentiment beside baselines (DATA=folder).
	@$(RUN) python -m benchmarks.heads --data $(DATA) $(ARGS)

bench-audiences: setup  ## Do look-alikes buy, do those leave who are called leaving (DATA=folder); last line JSON.
	@$(RUN) python -m benchmarks.audiences --data $(DATA) $(ARGS)

bench-recommend: setup  ## The next basket, item pages and carts, beside their peers (DATA=folder); last line JSON.
	@$(RUN) python -m benchmarks.recommend --data $(DATA) $(ARGS)

bench-language: setup  ## What fine-tuning gains where labels are (DATA=folder, after make encoder-zh); goes on where it was cut off.
	@$(RUN) python -m benchmarks.language --data $(DATA) $(ARGS)

tune: setup  ## Settings of fine-tuning, searched for on validation (DATA=folder, ARGS="--task messages --minutes 60"); goes on, in MLflow.
	@$(RUN) python -m benchmarks.language.tune --data $(DATA) $(ARGS)

bench-staleness: setup  ## What a profile that is late loses (DATA=folder).
	@$(RUN) python -m benchmarks.staleness --data $(DATA)/online_retail/online_retail.parquet $(ARGS)

bench-continual: setup  ## Training again and again: what is learned, what is forgotten (DATA=folder).
	@$(RUN) python -m benchmarks.continual --data $(DATA) $(ARGS)

bench-service: setup  ## The service beside a bare route: rates, latencies, fairness; last line JSON.
	@$(RUN) python -m benchmarks.service $(ARGS)

bench-assist: setup  ## The help desk: intents, passages, latency, labels needed (DATA=folder); last line JSON.
	@$(RUN) python -m benchmarks.assist --data $(DATA) $(ARGS)

bench-judge: setup  ## How often the judge errs (DATA=folder; without it on planted shops).
	@$(RUN) python -m benchmarks.judge $(if $(DATA),--data $(DATA)/online_retail/online_retail.parquet) $(ARGS)

bench-portrait: setup  ## What a portrait says of shops whose truth is known; last line JSON (ARGS=--quick: 2 minutes).
	@$(RUN) python -m benchmarks.portrait $(ARGS)

bench-opinions: setup  ## How soon a turn of opinion is noticed, and how often one is that is none; last line JSON.
	@$(RUN) python -m benchmarks.opinions $(if $(wildcard $(REVIEWS)),--reviews $(REVIEWS)) $(ARGS)

bench-experiments: setup  ## False alarms and power of experiments, off-policy intervals, in worlds whose truth is known; last line JSON (ARGS=--quick: half a minute).
	@$(RUN) python -m benchmarks.experiments $(ARGS)

generate: setup  ## Rewrite the tables and schemas that follow from the code.
	@$(RUN) python -m tests.support.generated

replay-dead: setup  ## Send dead letters back to the topics they came from.
	@$(RUN) python -m workers replay-dead

up:  ## Kafka, Redis, service, workers, Prometheus and Grafana in containers.
	@deploy/make-secrets.sh build/secrets
	docker compose up --build --detach --wait

down:  ## Stop the containers.
	docker compose down

pin-images:  ## Write the digests of others' images beside their tags; asks their registries.
	@deploy/pin-images.sh

clean:  ## Remove what make created.
	rm -rf $(VENV) build

lock: setup  ## Pin what is installed now: upgrades are a commit of their own.
	@$(RUN) python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
