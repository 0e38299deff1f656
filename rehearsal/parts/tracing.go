package parts

import (
	"context"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const (
	// jaegerVersion is the module's; releases of the same are called by jaegerRelease.
	jaegerVersion    = "1.76.0"
	jaegerRelease    = "2.13.0"
	collectorRelease = "0.140.1" // of the collector's components
)

// jaegerPart is Jaeger and OpenTelemetry's collector in one program: Jaeger is a collector, and
// what its configuration does not name it does not run. Two programs would be twice the time.
func jaegerPart() Part {
	return Part{
		Name: "Jaeger", Version: jaegerVersion,
		Origin: "Go modules; OpenTelemetry's collector too, of the components that are configured, and without Jaeger's pages", Memory: 300, Later: true,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, jaegerProgram())
			if err != nil {
				return nil, err
			}
			return []image.Recipe{
				program65532("docker.io/jaegertracing/jaeger:"+jaegerRelease, program, "/cmd/jaeger/jaeger-linux"),
				program65532("docker.io/otel/opentelemetry-collector-contrib:"+collectorRelease, program, "/otelcol-contrib"),
			}, nil
		},
	}
}

func jaegerProgram() build.Program {
	return build.Program{Name: "jaeger", Tool: "jaeger", Package: "./jaeger", LDFlags: "-X main.version=" + jaegerRelease}
}
