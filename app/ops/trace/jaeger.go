package trace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Namespace is that of what keeps traces, as infra names it.
const Namespace = "tracing"

// Address is that of Jaeger's queries, as infra names it: its pod answers on its own loopback,
// where forwarded ports end, and nowhere else.
const Address = "http://jaeger.tracing.svc:16686"

// ErrNotFound says that Jaeger answers, and has no such trace.
var ErrNotFound = errors.New("no such trace")

// Dialer connects to addresses that only the cluster can name.
type Dialer interface {
	Dial(network, address string) (net.Conn, error)
}

// Jaeger answers queries.
type Jaeger struct {
	address string
	http    *http.Client
}

// New returns a client of the Jaeger at an http:// address, which the dialer connects to.
func New(address string, dialer Dialer) *Jaeger {
	return &Jaeger{address, &http.Client{Transport: &http.Transport{
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			return dialer.Dial(network, address)
		},
	}}}
}

var (
	traceID       = regexp.MustCompile(`^[0-9a-f]{32}$`)
	correlationID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// ValidID returns an error for what is neither the id of a trace nor a correlation id.
func ValidID(id string) error {
	if id = strings.ToLower(id); traceID.MatchString(id) || correlationID.MatchString(id) {
		return nil
	}
	return fmt.Errorf("%q is neither the id of a trace (32 hexadecimal digits) nor a correlation id (a UUID): logs and events have both", id)
}

// Find returns the trace of an id, or the traces of which a span has the correlation id: a
// request's own, and those of what was begun anew because of it. The oldest is first.
func (j *Jaeger) Find(ctx context.Context, id string) ([]Trace, error) {
	if err := ValidID(id); err != nil {
		return nil, err
	}
	id = strings.ToLower(id)
	ids := []string{id}
	if correlationID.MatchString(id) {
		var err error
		if ids, err = j.correlated(ctx, id); err != nil {
			return nil, err
		}
	}
	var traces []Trace
	for _, one := range ids {
		spans, err := j.spans(ctx, one)
		if err != nil {
			return nil, err
		}
		traces = append(traces, newTrace(one, spans))
	}
	if len(traces) == 0 {
		return nil, ErrNotFound
	}
	slices.SortFunc(traces, func(a, b Trace) int { return a.Start.Compare(b.Start) })
	return traces, nil
}

// most bounds the traces of one correlation id and service.
const most = 20

// correlationAttribute is the attribute of a span with the correlation id of what it is about.
const correlationAttribute = "messaging.message.conversation_id"

// correlated finds the ids of traces. Jaeger looks for attributes within one service only, and
// by the API of its own pages.
func (j *Jaeger) correlated(ctx context.Context, id string) ([]string, error) {
	var known struct {
		Services []string `json:"services"`
	}
	if err := j.get(ctx, "/api/v3/services", nil, &known); err != nil {
		return nil, err
	}
	tags, err := json.Marshal(map[string]string{correlationAttribute: id})
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	var ids []string
	for _, service := range known.Services {
		var answer struct {
			Data []struct {
				TraceID string `json:"traceID"`
			} `json:"data"`
		}
		err := j.get(ctx, "/api/traces", url.Values{
			"service": {service}, "tags": {string(tags)}, "limit": {strconv.Itoa(most)},
			"start": {"0"}, "end": {strconv.FormatInt(time.Now().Add(time.Minute).UnixMicro(), 10)},
		}, &answer)
		if err != nil {
			return nil, err
		}
		for _, one := range answer.Data {
			if whole := fmt.Sprintf("%032s", one.TraceID); !found[whole] {
				found[whole] = true
				ids = append(ids, whole)
			}
		}
	}
	return ids, nil
}

// get asks for JSON.
func (j *Jaeger) get(ctx context.Context, path string, query url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.address+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	answer, err := j.http.Do(request)
	if err != nil {
		return fmt.Errorf("traces of Jaeger: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return ErrNotFound
	default:
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return fmt.Errorf("traces of Jaeger: it answers %s: %s", answer.Status, strings.TrimSpace(string(said)))
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("traces of Jaeger: %w", err)
	}
	return nil
}

// attribute is one of OTLP's, whose value has one of the kinds.
type attribute struct {
	Key   string `json:"key"`
	Value struct {
		String *string      `json:"stringValue"`
		Int    *json.Number `json:"intValue"`
		Double *float64     `json:"doubleValue"`
		Bool   *bool        `json:"boolValue"`
	} `json:"value"`
}

func (a attribute) text() string {
	switch v := a.Value; {
	case v.String != nil:
		return *v.String
	case v.Int != nil:
		return v.Int.String()
	case v.Double != nil:
		return strconv.FormatFloat(*v.Double, 'g', -1, 64)
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool)
	}
	return ""
}

func texts(attributes []attribute) map[string]string {
	all := make(map[string]string, len(attributes))
	for _, one := range attributes {
		all[one.Key] = one.text()
	}
	return all
}

// sidecarScope is what Dapr's sidecar calls itself in its spans.
const sidecarScope = "dapr-diagnostics"

var kinds = map[int]string{1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}

// failedStatus is OTLP's status of what failed.
const failedStatus = 2

// spans are those of a trace, as OTLP's JSON has them.
func (j *Jaeger) spans(ctx context.Context, id string) ([]Span, error) {
	var answer struct {
		Result struct {
			ResourceSpans []struct {
				Resource   struct{ Attributes []attribute }
				ScopeSpans []struct {
					Scope struct{ Name string }
					Spans []struct {
						SpanID       string `json:"spanId"`
						ParentSpanID string `json:"parentSpanId"`
						Name         string
						Kind         int
						Start        int64 `json:"startTimeUnixNano,string"`
						End          int64 `json:"endTimeUnixNano,string"`
						Attributes   []attribute
						Status       struct{ Code int }
					}
				}
			}
		}
	}
	if err := j.get(ctx, "/api/v3/traces/"+id, nil, &answer); err != nil {
		return nil, err
	}
	var spans []Span
	for _, resource := range answer.Result.ResourceSpans {
		service := cmp.Or(texts(resource.Resource.Attributes)["service.name"], "unknown")
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				spans = append(spans, Span{
					ID: s.SpanID, Parent: s.ParentSpanID, Service: service, Sidecar: scope.Scope.Name == sidecarScope,
					Operation: s.Name, Kind: kinds[s.Kind], Duration: Milliseconds(s.End - s.Start), Failed: s.Status.Code == failedStatus,
					Attributes: texts(s.Attributes), start: time.Unix(0, s.Start),
				})
			}
		}
	}
	return spans, nil
}
