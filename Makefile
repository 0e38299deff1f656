# The two commands of a newcomer are `make up` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

MODULES := stacks app infra policy rehearsal
REHEARSAL := bin/rehearsal
LINTER := bin/golangci-lint
SQLC := bin/sqlc
OAPI_CODEGEN := bin/oapi-codegen
FUZZER := bin/schemathesis/bin/schemathesis
INSPECTOR := bin/mcp-inspector/inspector
VULNCHECK := bin/govulncheck
ACTIONLINT := bin/actionlint
ZIZMOR := bin/zizmor/bin/zizmor
PROMTOOL := bin/promtool
PLAN := bin/plan
KUBECONFORM := bin/kubeconform
KUBE_SCORE := bin/kube-score
STACK ?= prod

# The parts are built so; with the tests built the same way, what is compiled for
# the one need not be compiled for the other.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)
export CGO_ENABLED := 0

.PHONY: help up down status logs mail packages preview test test-unit test-rules test-integration test-production test-faults test-fuzz test-inspector test-rehearsal test-drills drill load bench bench-reads lint lint-workflows vulncheck score build golden generate ci-preview ci-images ci-plan ci-up ci-smoke ci-drift ci-certificate golden-diff FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: packages ## build, start and validate production on this machine (again: go on, or change nothing)
	@$(REHEARSAL) up

down: $(REHEARSAL) ## remove everything that `make up` started
	@$(REHEARSAL) down

status: $(REHEARSAL) ## what runs
	@$(REHEARSAL) status

logs: $(REHEARSAL) ## the logs there are; COMPONENT=name shows one
	@$(REHEARSAL) logs $(COMPONENT)

mail: $(REHEARSAL) ## the e-mails that the application sent
	@$(REHEARSAL) mail

preview: $(REHEARSAL) ## what `pulumi up` would do to a stack, gated by the policy pack: STACK=prod
	@$(REHEARSAL) preview --stack $(STACK)

build: packages ## build all parts into the cache, and start nothing
	@$(REHEARSAL) build

# Only what is missing is asked of apt, so that this costs nothing the second time.
packages: $(REHEARSAL) ## install the Debian packages that are missing
	@missing=$$($(REHEARSAL) packages --missing); \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" != 0 ]; then echo "error: run as root, or install these first: $$missing" >&2; exit 1; fi; \
		echo "installing $$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

# One after the other: beside the services' tests, two cores do not bring the rehearsal up in the time that it has.
test: lint test-unit test-rules score test-integration test-rehearsal test-fuzz ## everything: lint, unit, plans, integration, the rehearsal end to end, the API fuzzed

test-unit: ## pure rules, components with mocks, golden plans: nothing is started
	@for module in stacks app infra policy; do (cd $$module && go test -timeout 20m ./...) || exit 1; done

test-rules: $(PROMTOOL) ## what every alert fires at and what it lets pass, by Prometheus' own rules test
	@$(PROMTOOL) test rules infra/observability/rules/testdata/tests.yaml infra/observability/rules/testdata/tests-hours.yaml

# What tests need from the rehearsal's build, as they read it from their environment.
define parts
	mkdir -p bin/kubernetes; \
	for built in $$($(REHEARSAL) build etcd kube-apiserver kube-controller-manager kubectl 2>/dev/null); do \
		ln -sf "$${built#*=}" "bin/kubernetes/$${built%%=*}"; \
	done; \
	export KUBEBUILDER_ASSETS=$(CURDIR)/bin/kubernetes; \
	for built in $$($(REHEARSAL) build daprd kafka java 2>/dev/null); do \
		case "$$built" in \
			daprd=*) export DAPRD="$${built#*=}";; \
			kafka=*) export KAFKA_JARS="$${built#*=}";; \
			java=*) export KAFKA_JAVA_HOME="$${built#*=}";; \
		esac; \
	done
endef

# Packages without such tests are test-unit's. Those with them start real programs and wait for them much: two packages at a time.
test-integration: build ## services and stand-ins against real PostgreSQL, Redis, daprd, Kafka and Kubernetes
	@$(parts); \
	for module in app infra policy rehearsal; do \
		packages=./...; \
		[ $$module = rehearsal ] || packages=$$(cd $$module && grep -rlE '^//go:build .*integration' --include='*_test.go' . | xargs -n 1 dirname | sort -u); \
		(cd $$module && go test -p 2 -count 1 -timeout 20m -tags integration $$packages) || exit 1; \
	done

test-production: packages ## the commands of docs/production.md, from nothing, against stand-ins
	@cd rehearsal && go test -count 1 -timeout 20m -tags production -v -run TestProductionDocument ./production

test-faults: build ## 10,000 transactions while everything they need fails in turn, consumers lost before each message to PostgreSQL, operators' work while a broker dies
	@$(parts); \
	cd app && go test -count 1 -timeout 30m -tags faults -v -run TestFaults ./internal/systemtest && \
	go test -count 1 -timeout 30m -tags integration,faults -v -run 'TestAConsumerThatIsLostAnywhere|TestBrokers' ./internal/losttest ./ops/admin

# One minute. FUZZ_SEED=n has it try others, FUZZ_EXAMPLES=n more (60).
test-fuzz: packages $(FUZZER) ## the API, fuzzed from its OpenAPI document
	@cd app && SCHEMATHESIS=$(CURDIR)/$(FUZZER) go test -count 1 -timeout 30m -tags integration,fuzz -v -run 'TestFuzz$$' ./api/rest

test-inspector: build $(INSPECTOR) ## the MCP server, tried with the protocol's inspector (needs npm)
	@$(parts); \
	cd app && INSPECTOR=$(CURDIR)/$(INSPECTOR) go test -count 1 -timeout 10m -tags integration,inspector -v -run TestInspector ./internal/systemtest

bench: build ## how fast the services are, against PostgreSQL and Kafka alone
	@$(parts); \
	cd app && go test -count 1 -timeout 30m -tags bench -v -run TestBench ./internal/systemtest

bench-reads: packages ## how long reads take with 200,000 transactions a person
	@cd app && go test -count 1 -timeout 30m -tags integration,bench -v -run TestBenchReads ./api/rest

test-rehearsal: build ## production on this machine, from `up` to `down` (takes down one that runs)
	@cd rehearsal && go test -count 1 -timeout 60m -tags rehearsal -v ./e2e

test-drills: build ## secrets, certificates, node pools and load change while somebody uses production on this machine, an alert reaches who is on call, and the workflows' targets (takes down one that runs)
	@cd rehearsal && go test -count 1 -timeout 60m -tags rehearsal,drills -v -skip '^TestRehearsal$$' ./e2e

# DRILLS names some: `bin/companionctl drill list`.
DRILLS ?= all
REHEARSAL_STATE ?= /var/lib/companion-rehearsal
drill: $(REHEARSAL) bin/companionctl ## parts of production as it runs on this machine fail in turn, while people enter transactions: goals met, books compared
	@mkdir -p bin/ci; url=$$($(REHEARSAL) pulumi stack output url --stack rehearsal); address=$${url#https://}; \
	bin/companionctl drill run $(DRILLS) --url "$$url" --resolve "$$address:127.0.0.1:$${address#*:}" --ca-file "$(REHEARSAL_STATE)/ca.crt" \
		--kubeconfig "$(REHEARSAL_STATE)/kubeconfig" --junit bin/ci/drills.xml

load: $(REHEARSAL) ## a step of load on production as it runs on this machine: pods over time, up and down again
	@cd rehearsal && LOAD_RUNNING=true go test -count 1 -timeout 30m -tags rehearsal,drills -v -run '^TestServicesFollowTheLoad$$' ./e2e

golden: ## write the golden plans, rules and dashboards anew, to be read in review
	@cd infra && go test . ./foundation/program ./observability/rules ./observability/dashboards -update

# BASE is a commit, such as origin/main.
BASE ?= HEAD
golden-diff: $(PLAN) ## what the golden plans change since BASE, resource by resource
	@for golden in infra/testdata/*.json; do \
		stack=$$(basename "$$golden" .json); \
		git show "$(BASE):$$golden" 2>/dev/null >bin/before.json || echo '[]' >bin/before.json; \
		cmp -s bin/before.json "$$golden" || { echo "$$stack:"; $(PLAN) diff bin/before.json "$$golden"; }; \
	done; rm -f bin/before.json

generate: $(SQLC) $(OAPI_CODEGEN) ## write the typed queries, the web's client and pages and the configuration's schemas anew, after a change of what they come from
	@cd app && $(CURDIR)/$(SQLC) generate
	@cd stacks && go test . -run TestSchemas -update
	@cd app && go test ./web/generate -run 'TestDocument|TestTemplates' -update
	@cd app/web/backend && $(CURDIR)/$(OAPI_CODEGEN) -config oapi-codegen.yaml openapi.json && cat openapi.json oapi-codegen.yaml client.gen.go | sha256sum >client.sum

# go vet is one of the linter's own (govet).
lint: $(LINTER) lint-workflows ## gofmt, go vet and the linter over every module, and the workflows
	@unformatted=$$(gofmt -l $(MODULES)); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted" >&2; exit 1; }
	@for module in $(MODULES); do (cd $$module && $(CURDIR)/$(LINTER) run ./...) || exit 1; done

lint-workflows: $(ACTIONLINT) $(ZIZMOR) # the workflows: what they mean, and what an attacker could make of them
	@$(ACTIONLINT)
	@$(ZIZMOR) --offline --quiet .github

# What the workflows of .github do with a stack. They work on any machine: ci-preview
# without an account, the others on a stack that exists, STACK=rehearsal while it runs.
PULUMI ?= $(if $(filter rehearsal,$(STACK)),$(CURDIR)/$(REHEARSAL) pulumi,pulumi)
PULUMI_BUILT := $(if $(filter rehearsal,$(STACK)),$(REHEARSAL))
RELEASED := $(if $(RELEASE),--config companion:release=$(RELEASE))
# Credentials of the state may have expired: the program requests those of a refresh.
PLANNED := --stack $(STACK) --non-interactive --refresh --run-program --policy-pack $(CURDIR)/bin/policy

# A comment is made of every preview, also of one that fails.
define comment
	status=0; rm -f bin/ci/$(1)-$(STACK).jsonl; mkdir -p bin/ci; \
	$(2) --event-log $(CURDIR)/bin/ci/$(1)-$(STACK).jsonl || status=$$?; \
	touch bin/ci/$(1)-$(STACK).jsonl; \
	$(PLAN) $(if $(filter drift,$(1)),drift,comment) --stack $(STACK) bin/ci/$(1)-$(STACK).jsonl >bin/ci/$(1)-$(STACK).md; \
	exit $$status
endef

ci-preview: $(REHEARSAL) $(PLAN) ## a pull request's comment, without an account: bin/ci/preview-STACK.md
	@$(call comment,preview,$(REHEARSAL) preview --stack $(STACK))

ci-images: $(REHEARSAL) ## build the services' images, with SBOMs, and push them to REGISTRY: bin/ci/images.json
	@$(REHEARSAL) images --registry "$(REGISTRY)" --output bin/ci

ci-plan: $(PULUMI_BUILT) $(PLAN) bin/policy ## what an update would change in the account: bin/ci/plan-STACK.md
	@export PULUMI_DEBUG_COMMANDS=true; $(call comment,plan,$(PULUMI) preview $(PLANNED) $(RELEASED))

ci-up: $(PULUMI_BUILT) bin/policy ## bring the stack to RELEASE, gated by the policy pack
	@$(PULUMI) up --yes $(PLANNED) $(RELEASED)

ci-drift: $(PULUMI_BUILT) $(PLAN) bin/policy ## fail where the account is not what the program says: bin/ci/drift-STACK.md
	@export PULUMI_DEBUG_COMMANDS=true; release=$$($(PULUMI) stack output --stack $(STACK) release); \
	$(call comment,drift,$(PULUMI) preview $(PLANNED) --expect-no-changes --config companion:release=$$release)

# cert-manager renews thirty days before the end: a certificate with fewer than DAYS left is one
# whose renewal fails. CONNECT is host:port when the name does not lead there, CA_FILE an authority of one's own.
DAYS ?= 21
ci-certificate: ## fail where what people connect to has no valid certificate for DAYS days: bin/ci/certificate-STACK.md
	@mkdir -p bin/ci; report=bin/ci/certificate-$(STACK).md; url=$$($(PULUMI) stack output url --stack $(STACK)); \
	address=$${url#https://}; address=$${address%%/*}; name=$${address%%:*}; [[ $$address == *:* ]] || address=$$address:443; \
	if certificate=$$(openssl s_client -connect "$(or $(CONNECT),$$address)" -servername "$$name" -verify_hostname "$$name" -verify_return_error \
		$(if $(CA_FILE),-CAfile "$(CA_FILE)") </dev/null 2>$$report.log | openssl x509 2>>$$report.log); then \
		end=$$(openssl x509 -noout -enddate <<<"$$certificate"); \
		if openssl x509 -noout -checkend $$(($(DAYS) * 86400)) <<<"$$certificate" >/dev/null; then \
			echo "$$name: certificate valid for $(DAYS) days and more ($$end)" | tee $$report; rm -f $$report.log; exit 0; \
		fi; \
		echo "$$name: the certificate ends in less than $(DAYS) days ($$end): its renewal fails, see docs/runbook.md" | tee $$report; \
	else \
		{ echo "$$name: no valid certificate at $$address:"; grep -i -m 1 'verif\|error\|refused\|unable' $$report.log; } | tee $$report; \
	fi; rm -f $$report.log; exit 1

# Lines of images that run and that ci-images did not make: repository@digest.
OTHERS = grep --fixed-strings --line-regexp --invert-match --file <(jq --raw-output '.images[] | .repository + "@" + .digest' $(IMAGES))

# VALIDATE are flags of `companionctl validate`. IMAGES is what ci-images wrote: the pods
# must run those (this needs kubectl and jq).
ci-smoke: $(PULUMI_BUILT) bin/companionctl bin/outputs ## send a transaction all the way, by the stack's outputs
	@umask 077; mkdir -p bin/ci; trap 'rm -f bin/ci/outputs.json bin/ci/kubeconfig' EXIT; \
	output() { bin/outputs "$$1" <bin/ci/outputs.json; }; \
	$(PULUMI) stack output --stack $(STACK) --json --show-secrets >bin/ci/outputs.json; \
	output smokeKubeconfig >bin/ci/kubeconfig; \
	$(if $(IMAGES),others=$$(kubectl --kubeconfig bin/ci/kubeconfig --namespace "$$(output namespaces.application)" get pods --output \
		'jsonpath={range .items[*].status.containerStatuses[*]}{.imageID}{"\n"}{end}' | { grep "^$$(output registry)/" || true; } | { $(OTHERS) || true; }); \
	[ -z "$$others" ] || { echo "error: pods run images that this release did not build: $$others" >&2; exit 1; };) \
	bin/companionctl validate --url "$$(output url)" --kubeconfig bin/ci/kubeconfig $(VALIDATE)

$(PLAN) bin/policy bin/companionctl bin/outputs: FORCE
	@go build -o $@ $(patsubst bin/%,./$(or $(source-$(@F)),%),$@)

source-plan := policy/cmd/plan
source-policy := policy
source-companionctl := app/cmd/companionctl
source-outputs := stacks/cmd/outputs

# What the program makes, as the golden plans have it: every object of every stack against the
# schemas of Kubernetes and of the definitions, and prod's against good practice.
score: $(KUBECONFORM) $(KUBE_SCORE) $(PLAN) bin/schemas/.made ## every object of the plans against its schema (kubeconform), prod's against good practice (kube-score)
	@mkdir -p bin/ci; for golden in infra/testdata/*.json; do \
		stack=$$(basename "$$golden" .json); echo "$$stack:"; \
		$(PLAN) objects "$$golden" >"bin/ci/objects-$$stack.yaml"; \
		$(KUBECONFORM) -strict -summary -schema-location '$(CURDIR)/bin/schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json' "bin/ci/objects-$$stack.yaml"; \
	done
	@$(KUBE_SCORE) score --output-format json --kubernetes-version v1.36 bin/ci/objects-prod.yaml >bin/ci/score.json || true
	@$(PLAN) score policy/score.yaml bin/ci/score.json

MODULE = $(shell cd rehearsal/tools/$(1) && GOWORK=off go list -m -f '{{.Dir}}' $(2))

bin/schemas/.made: $(REHEARSAL) rehearsal/tools/kubernetes/go.mod rehearsal/tools/nginx-gateway-fabric/go.mod policy/plan/schemas.go rehearsal/cluster/manifests/cilium.yaml | $(PLAN)
	@rm -rf $(@D) bin/charts && mkdir -p $(@D) bin/charts
	@cd rehearsal/tools/kubernetes && GOWORK=off go mod download k8s.io/kubernetes && cd ../nginx-gateway-fabric && GOWORK=off go mod download sigs.k8s.io/gateway-api
	@charts=$$($(REHEARSAL) build charts 2>/dev/null); for chart in $${charts#*=}/*.tgz; do tar -xzf "$$chart" -C bin/charts; done
	@$(PLAN) schemas $(@D) $(call MODULE,kubernetes,k8s.io/kubernetes)/api/openapi-spec/swagger.json \
		$(call MODULE,nginx-gateway-fabric,sigs.k8s.io/gateway-api)/config/crd/standard/*.yaml rehearsal/cluster/manifests/cilium.yaml $$(find bin/charts -name '*.yaml')
	@touch $@

# The database of vulnerabilities is asked for over the network, unless VULNDB is
# the address of a copy (file:///...). The rehearsal is not among them: ko, which
# builds its images, brings x/crypto/openpgp, which nobody maintains (GO-2026-5932).
vulncheck: $(VULNCHECK) ## known vulnerabilities in what goes to production
	@for module in stacks app infra policy; do echo "$$module:"; (cd $$module && $(CURDIR)/$(VULNCHECK) $(if $(VULNDB),-db $(VULNDB)) ./...) || exit 1; done

$(REHEARSAL): FORCE
	@command -v go >/dev/null || { echo "error: Go is not installed: see https://go.dev/doc/install" >&2; exit 1; }
	@GOGC=400 go build -o $@ ./rehearsal/cmd/rehearsal

$(LINTER): rehearsal/tools/golangci-lint/go.mod rehearsal/tools/golangci-lint/go.sum
	@echo "building the linter"
	@cd rehearsal/tools/golangci-lint && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(SQLC): rehearsal/tools/sqlc/go.mod rehearsal/tools/sqlc/go.sum
	@echo "building sqlc"
	@cd rehearsal/tools/sqlc && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ github.com/sqlc-dev/sqlc/cmd/sqlc

$(OAPI_CODEGEN): rehearsal/tools/oapi-codegen/go.mod rehearsal/tools/oapi-codegen/go.sum
	@echo "building oapi-codegen"
	@cd rehearsal/tools/oapi-codegen && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen

$(KUBECONFORM): rehearsal/tools/kubeconform/go.mod rehearsal/tools/kubeconform/go.sum
	@echo "building kubeconform"
	@cd rehearsal/tools/kubeconform && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ github.com/yannh/kubeconform/cmd/kubeconform

$(KUBE_SCORE): rehearsal/tools/kube-score/go.mod rehearsal/tools/kube-score/go.sum
	@echo "building kube-score"
	@cd rehearsal/tools/kube-score && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ github.com/zegl/kube-score/cmd/kube-score

# A virtual environment without pip of its own needs no further Debian package.
define venv
	@echo "installing $(1)"
	@rm -rf bin/$(1)
	@python3 -m venv --without-pip bin/$(1)
	@python3 -m pip --python bin/$(1)/bin/python install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --requirement $<
	@touch $@
endef

$(FUZZER): rehearsal/tools/schemathesis/requirements.txt
	$(call venv,schemathesis)

$(ZIZMOR): rehearsal/tools/zizmor/requirements.txt
	$(call venv,zizmor)

$(ACTIONLINT): rehearsal/tools/actionlint/go.mod rehearsal/tools/actionlint/go.sum
	@echo "building actionlint"
	@cd rehearsal/tools/actionlint && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint

# With the tags of the rehearsal's Prometheus, most of it is compiled already.
$(PROMTOOL): rehearsal/tools/prometheus/go.mod rehearsal/tools/prometheus/go.sum
	@echo "building promtool"
	@cd rehearsal/tools/prometheus && GOWORK=off GOGC=400 go build -tags netgo,remove_all_sd,enable_kubernetes_sd -o $(CURDIR)/$@ github.com/prometheus/prometheus/cmd/promtool

$(VULNCHECK): rehearsal/tools/govulncheck/go.mod rehearsal/tools/govulncheck/go.sum
	@echo "building govulncheck"
	@cd rehearsal/tools/govulncheck && GOWORK=off GOGC=400 go build -o $(CURDIR)/$@ golang.org/x/vuln/cmd/govulncheck

# Node.js is one of the inspector's packages, so that any npm will do.
$(INSPECTOR): rehearsal/tools/mcp-inspector/package.json rehearsal/tools/mcp-inspector/package-lock.json
	@command -v npm >/dev/null || { echo "error: npm is not installed: run apt-get install npm" >&2; exit 1; }
	@echo "installing the MCP inspector"
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D) && npm ci --prefix $(@D) --no-audit --no-fund --loglevel error
	@printf '#!/bin/sh\nexec "$(CURDIR)/$(@D)/node_modules/node/bin/node" "$(CURDIR)/$(@D)/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js" "$$@"\n' >$@
	@chmod +x $@
