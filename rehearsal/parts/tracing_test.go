//go:build integration

package parts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	corev1 "k8s.io/api/core/v1"

	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// collectorProcess is the catalogue's program, running as the plan has it run.
type collectorProcess struct {
	cmd    *exec.Cmd
	output *bytes.Buffer
	ended  chan struct{}
}

// startCollector starts the program with the configuration that the plan gives to one of the
// two parts, moved to other addresses and folders, and waits until it is well.
func startCollector(t *testing.T, program, part string, moved map[string]string, health string) *collectorProcess {
	t.Helper()
	configuration, heap := "", ""
	for _, one := range plan(t) {
		if one.Type == "kubernetes:core/v1:ConfigMap" && one.Name == "companion-tracing-"+part {
			configuration = one.Inputs.(map[string]any)["data"].(map[string]any)["config.yaml"].(string)
		}
		if strings.HasPrefix(one.Type, "kubernetes:apps/v1:") && one.Name == "companion-tracing-"+part {
			var its struct {
				Spec struct{ Template corev1.PodTemplateSpec }
			}
			as(t, one.Inputs, &its)
			heap = its.Spec.Template.Spec.Containers[0].Env[0].Value
		}
	}
	require.NotEmpty(t, configuration, "the plan has no configuration of %s", part)
	for from, to := range moved {
		require.Contains(t, configuration, from)
		configuration = strings.ReplaceAll(configuration, from, to)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	p := &collectorProcess{exec.Command(program, "--config="+file), &bytes.Buffer{}, make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "GOMEMLIMIT="+heap)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.stop(t) })
	require.Eventually(t, func() bool {
		select {
		case <-p.ended:
			return true
		default:
		}
		answer, err := http.Get(health)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode == http.StatusOK
	}, time.Minute, 100*time.Millisecond)
	select {
	case <-p.ended:
		t.Fatalf("%s ended: %s", part, p.output)
	default:
	}
	return p
}

// stop ends the program as Kubernetes does, and waits until it has ended.
func (p *collectorProcess) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("it does not end: %s", p.output)
	}
}

// memory is what the process has in memory, in MiB.
func (p *collectorProcess) memory(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.cmd.Process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Anonymous:" {
			kib, err := strconv.Atoi(fields[1])
			require.NoError(t, err)
			return kib >> 10
		}
	}
	t.Fatal("the kernel does not say")
	return 0
}

// TestTraces has spans go the way that they go in the cluster, through the programs and the
// configurations of the plan: what is not on the list of attributes does not arrive, and what
// has arrived is still there when Jaeger starts again.
func TestTraces(t *testing.T) {
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	catalogue := New(folders.Root, folders.Cache, progress.Discard)
	program, err := catalogue.program(t.Context(), jaegerProgram())
	require.NoError(t, err)
	ports := freePorts(t, 8)
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	const metrics = `"port": 8888`
	volume := t.TempDir()
	jaegerPlaces := map[string]string{
		"0.0.0.0:4317": at(0), "0.0.0.0:13133": at(1), "127.0.0.1:16686": at(2), "127.0.0.1:16685": at(3), `"/traces/`: `"` + volume + "/",
		metrics: fmt.Sprintf(`"port": %d`, ports[4]),
	}
	jaeger := startCollector(t, program, "jaeger", jaegerPlaces, "http://"+at(1)+"/status")
	collector := startCollector(t, program, "collector", map[string]string{
		"jaeger.tracing.svc:4317": at(0), "0.0.0.0:4317": at(5), "0.0.0.0:13133": at(6), metrics: fmt.Sprintf(`"port": %d`, ports[7]),
	}, "http://"+at(6)+"/")

	const secret = "ada@example.org"
	exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(at(5)), otlptracegrpc.WithInsecure())
	require.NoError(t, err)
	services := map[string]*sdk.TracerProvider{}
	for _, name := range []string{"backend", "analytics"} {
		services[name] = sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", name), attribute.String("host.name", secret))))
	}
	ctx, request := services["backend"].Tracer("companion").Start(t.Context(), "POST /api/v1/transactions", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.route", "/api/v1/transactions"), attribute.String("url.full", secret), attribute.String("client.address", secret)))
	_, sidecar := services["backend"].Tracer("dapr-diagnostics").Start(ctx, "CallLocal/backend/api/v1/"+secret, trace.WithAttributes(attribute.String("dapr.invoke_method", secret)))
	sidecar.SetStatus(codes.Error, secret)
	sidecar.AddEvent("exception", trace.WithAttributes(attribute.String("exception.type", "*url.Error"), attribute.String("exception.message", secret)))
	sidecar.End()
	_, handled := services["analytics"].Tracer("companion").Start(ctx, "process finance.transaction.created", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("messaging.message.conversation_id", "0197a1d2-7b5e-7c3a-9d10-1f2e3d4c5b6a")))
	handled.End()
	request.End()
	for _, service := range services {
		require.NoError(t, service.ForceFlush(t.Context()))
	}
	id := request.SpanContext().TraceID().String()
	address := "http://" + at(2) + "/api/v3/traces/" + id
	require.Eventually(t, func() bool { return strings.Count(body(t, address), `"spanId"`) == 3 }, 20*time.Second, 200*time.Millisecond, "%s\n%s", jaeger.output, collector.output)
	arrived := body(t, address)
	require.NotContains(t, arrived, secret)
	for _, wanted := range []string{`"POST /api/v1/transactions"`, `"CallLocal/backend"`, `"process finance.transaction.created"`, `"analytics"`, `"dapr-diagnostics"`, `"*url.Error"`, `"/api/v1/transactions"`} {
		require.Contains(t, arrived, wanted)
	}
	require.True(t, json.Valid([]byte(arrived)))
	found := body(t, "http://"+at(2)+"/api/traces?service=analytics&limit=5&start=0&end="+strconv.FormatInt(time.Now().UnixMicro(), 10)+
		"&tags=%7B%22messaging.message.conversation_id%22%3A%220197a1d2-7b5e-7c3a-9d10-1f2e3d4c5b6a%22%7D")
	require.Contains(t, found, id, "by correlation id, as companionctl asks")
	for part, port := range map[string]int{"jaeger": 4, "collector": 7} {
		require.Contains(t, body(t, "http://"+at(port)+"/metrics"), "otelcol_receiver_accepted_spans", part)
	}

	// A thousand traces of thirty spans, more than the queues take at once.
	for range 1000 {
		ctx, first := services["backend"].Tracer("companion").Start(t.Context(), "POST /api/v1/transactions")
		for range 29 {
			_, next := services["backend"].Tracer("companion").Start(ctx, "publish finance.transaction.created", trace.WithAttributes(
				attribute.String("messaging.message.conversation_id", first.SpanContext().TraceID().String())))
			next.End()
		}
		first.End()
		require.NoError(t, services["backend"].ForceFlush(t.Context()))
	}
	took := [2]int{jaeger.memory(t), collector.memory(t)}
	t.Logf("memory after 30,000 spans: Jaeger %d MiB, collector %d MiB", took[0], took[1])
	require.LessOrEqual(t, took[0]+took[1], jaegerPart().Memory, "MiB, Jaeger and collector: %v", took)

	jaeger.stop(t)
	startCollector(t, program, "jaeger", jaegerPlaces, "http://"+at(1)+"/status")
	require.Contains(t, body(t, address), `"CallLocal/backend"`, "kept over a restart")
}

// body is what an address answers with; empty when it does not.
func body(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		return ""
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(raw)
}
