package stacks

// Tracing is what keeps traces: OpenTelemetry's collector, which the services and their sidecars give their spans to, and Jaeger, which stores and finds them. The application does without it.
type Tracing struct {
	Enabled        bool      `json:"enabled"`                                                                                                 // true to have traces recorded and kept, false for none of it
	SampledPercent int       `json:"sampledPercent,omitempty" jsonschema:"minimum=1,maximum=100,default=5" jsonschema_extras:"x-unit=%"`      // how many of a hundred traces are recorded
	RetentionHours int       `json:"retentionHours,omitempty" jsonschema:"minimum=1,maximum=720,default=72" jsonschema_extras:"x-unit=hours"` // how long traces are kept
	Storage        string    `json:"storage" jsonschema:"pattern=^[0-9]+(Gi|Ti)$" jsonschema_extras:"x-unit=bytes"`                           // the volume of Jaeger, such as 10Gi: it has to hold what comes within retentionHours
	Collector      Collector `json:"collector"`
	Jaeger         Jaeger    `json:"jaeger"`
}

// Collector is OpenTelemetry's collector.
type Collector struct {
	Image     string    `json:"image" jsonschema:"minLength=1"`                                                                 // the image with its tag, of the distribution with contrib's processors
	Replicas  int       `json:"replicas,omitempty" jsonschema:"minimum=1,maximum=20,default=2" jsonschema_extras:"x-unit=pods"` // the number of its pods
	Resources Resources `json:"resources"`                                                                                      // what each pod gets
}

// Jaeger is Jaeger, of version 2.
type Jaeger struct {
	Image     string    `json:"image" jsonschema:"minLength=1"` // the image with its tag
	Resources Resources `json:"resources"`                      // what its pod gets
}

// Traces tells whether the stack records and keeps traces.
func (c Config) Traces() bool { return c.Tracing != nil && c.Tracing.Enabled }
