package companion

import (
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/tracing"
	"github.com/wealth-companion/companion/infra/workload"
)

// Traces are the spans that services and their sidecars record, and whom they give them to.
// They start and serve without it.
type Traces struct {
	tracing.Client
	SampledPercent int // how many of a hundred traces are recorded
}

// share is SampledPercent as services and sidecars read it.
func (t *Traces) share() string {
	return strconv.FormatFloat(float64(t.SampledPercent)/100, 'f', -1, 64)
}

// set has a service record spans, by the variables of OpenTelemetry's SDK.
func (t *Traces) set(w *workload.WorkloadArgs) {
	if t == nil {
		return
	}
	w.Env["OTEL_EXPORTER_OTLP_ENDPOINT"] = pulumi.String("http://" + t.Address)
	w.Env["OTEL_TRACES_SAMPLER"] = pulumi.String("parentbased_traceidratio")
	w.Env["OTEL_TRACES_SAMPLER_ARG"] = pulumi.String(t.share())
}

// sidecar is how a sidecar traces. Without a collector it hands trace contexts on, and that
// is all.
func (t *Traces) sidecar() map[string]any {
	if t == nil {
		return map[string]any{"samplingRate": "1"}
	}
	return map[string]any{
		"samplingRate": t.share(),
		"otel":         map[string]any{"endpointAddress": t.Address, "protocol": "grpc", "isSecure": false},
	}
}
